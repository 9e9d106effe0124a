import Quantization

extension PlannedLayer {
  /// The one grid of a layer with per-tensor granularity, from all of its rows; nil otherwise.
  ///
  /// - Parameter factors: one per Hessian of the layer.
  func tensorGrid(
    matrix: [Float], factors: [SharedFactor]?, grid: GridSearch
  ) throws(QuantizationError) -> TensorGrid? {
    guard scheme.granularity == .tensor else { return nil }
    // Hessians of a grouped convolution weigh the columns alike: the mean of their weights, in the units of H.
    let weights = factors!.map { (unit: $0.unit, columns: $0.columnWeights(for: grid)) }
    let curvature = (0..<layer.columns).map { column in
      Float(weights.reduce(0.0) { $0 + Double($1.columns[column]) * $1.unit } / Double(weights.count))
    }
    return try matrix.withUnsafeBufferPointer { weights throws(QuantizationError) in
      try RowSolver.tensorGrid(
        weights: weights, rows: layer.rows, columns: layer.columns, scheme: scheme, grid: grid, curvature: curvature)
    }
  }
}
