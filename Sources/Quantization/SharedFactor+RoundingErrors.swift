extension SharedFactor {
  /// Per column the sum over rows of (w - Q(w))^2, with Q on the min-max grid of the scheme.
  ///
  /// - Parameters:
  ///   - weights: rows x columns, row after row, natural column order.
  ///   - tensorGrid: the grid of the whole matrix where the granularity is `tensor` and `weights` is a part of it.
  /// - Returns: `columns` sums; those of several layers or parts add up.
  public static func roundingErrors(
    weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, scheme: QuantizationScheme,
    tensorGrid: TensorGrid? = nil
  ) -> [Double] {
    precondition(weights.count == rows * columns, "\(weights.count) weights are not \(rows) x \(columns)")
    var sums = [Double](repeating: 0, count: columns)
    let groupSize = scheme.groupSize(columns: columns)
    var shared: PlainGrid?
    if scheme.granularity == .tensor {
      shared = tensorGrid.map { PlainGrid(scale: $0.scale, zeroPoint: Int($0.zeroPoint)) } ?? minmax(weights, scheme)
    }
    for row in 0..<rows {
      for start in stride(from: 0, to: columns, by: groupSize) {
        let end = min(start + groupSize, columns)
        let group = UnsafeBufferPointer(rebasing: weights[row * columns + start..<row * columns + end])
        let grid = shared ?? minmax(group, scheme)
        let (scale, low) = (grid.scale, Float(-grid.zeroPoint))
        let high = Float(scheme.largestCode) + low
        for i in group.indices {
          // Dividing by the float32 scale rounds as the solve does.
          let step = min(max((group[i] / scale).rounded(.toNearestOrEven), low), high)
          let error = Double(group[i]) - Double(step) * Double(scale)
          sums[start + i] += error * error
        }
      }
    }
    return sums
  }

  /// The min-max grid of `weights` with its scale as it is stored.
  private static func minmax(_ weights: UnsafeBufferPointer<Float>, _ scheme: QuantizationScheme) -> PlainGrid {
    var (low, high) = (Float(0), Float(0))
    for weight in weights { (low, high) = (min(low, weight), max(high, weight)) }
    var grid = PlainGrid.range(low: low, high: high, scheme: scheme)
    grid.scale = scheme.scaleType.rounded(grid.scale)
    return grid
  }
}
