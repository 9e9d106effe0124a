import Graphs

/// Second and first moments of D = X - X̃, what a layer's inputs in the float network have over those in the quantized
/// one, for one Hessian of an input group.
public struct CrossMoments: Sendable {
  /// 2/N D X̃ᵀ in float64, columns x columns, row-major.
  public private(set) var product: [Double]
  /// The mean of the columns of D.
  public let mean: [Double]

  /// The moments of each Hessian of `group` from the sums of all ranks; layout as in `CrossSums`.
  ///
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public static func moments(
    of group: InputGroup, sums: [Int64], scale: SumScale, columnCount: Int
  ) -> [CrossMoments] {
    precondition(sums.count == CrossSums.count(group), "\(sums.count) sums for an input group of other size")
    let (columns, size) = (group.columns, group.columns * group.columns)
    let count = Double(max(columnCount, 1))
    return (0..<group.groups).map { index in
      let start = group.groups * size + index * columns
      let factor = 2 / (count * scale.products)
      return CrossMoments(
        product: sums[index * size..<(index + 1) * size].map { Double($0) * factor },
        mean: sums[start..<start + columns].map { Double($0) / (count * scale.elements) })
    }
  }

  private init(product: [Double], mean: [Double]) { (self.product, self.mean) = (product, mean) }

  /// Replaces D X̃ᵀ by (D - mean)(X̃ - mean)ᵀ, for layers whose bias takes up the means.
  ///
  /// - Parameter inputs: the moments of X̃ after `InputMoments.center()`; columns that they call constant become zero.
  public mutating func center(about inputs: InputMoments) {
    let columns = mean.count
    let constant = inputs.hessian.diagonal.map { $0 == 0 }
    product.withUnsafeMutableBufferPointer { product in
      for row in 0..<columns {
        let twice = 2 * mean[row]
        for column in 0..<columns {
          let index = row * columns + column
          product[index] = constant[column] ? 0 : product[index] - twice * inputs.mean[column]
        }
      }
    }
  }
}
