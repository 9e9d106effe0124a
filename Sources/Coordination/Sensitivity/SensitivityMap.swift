import Calibration
import LinearAlgebra
import Quantization

/// What one layer's map comes to; travels from the rank that made it to rank 0.
struct SensitivityMap: Codable, Sendable {
  /// Index of the layer.
  var layer: Int
  var statistics: SensitivityStatistics
  var damping: Double
  /// The sum of s over all weights.
  var total: Double
  var picture: SensitivityPicture

  /// Makes the map of a layer: s = (w - Q(w))² / inverse(H)_jj, zero in dead columns.
  ///
  /// - Parameters:
  ///   - matrix: rows x columns.
  ///   - factors: one per Hessian.
  ///   - limit: pixels of an edge of the picture, at most.
  init(
    layer: Int, planned: PlannedLayer, matrix: [Float], factors: [SharedFactor], grid: GridSearch, limit: Int
  ) throws(QuantizationError) {
    let (rows, columns, perHessian) = (planned.layer.rows, planned.layer.columns, planned.rowsPerHessian)
    let tensorGrid = try planned.tensorGrid(matrix: matrix, factors: factors, grid: grid)
    var sensitivities = [Double](repeating: 0, count: rows * columns)
    var curvatures: [[Double]] = []
    for (hessian, factor) in factors.enumerated() {
      let inverse = factor.inverseDiagonal
      let curvature = (0..<columns).map { factor.curvature[$0] > 0 ? 1 / inverse[$0] : 0 }
      curvatures.append(curvature)
      let solver = RowSolver(
        factor: factor, scheme: planned.scheme, grid: grid, method: .round, tensorGrid: tensorGrid,
        measuresEnergy: false)
      let start = hessian * perHessian * columns
      let quantized = try matrix.withUnsafeBufferPointer { matrix throws(QuantizationError) in
        try solver.solve(
          weights: UnsafeBufferPointer(rebasing: matrix[start..<start + perHessian * columns]), rows: perHessian)
      }.dequantized()
      for index in quantized.indices {
        let error = Double(matrix[start + index]) - Double(quantized[index])
        sensitivities[start + index] = error * error * curvature[index % columns]
      }
    }
    self.layer = layer
    statistics = SensitivityStatistics(sensitivities, rows: rows, columns: columns, curvatures: curvatures)
    damping = factors.map(\.damping).max() ?? 0
    total = sensitivities.reduce(0, +)
    picture = SensitivityPicture(sensitivities, rows: rows, columns: columns, limit: limit)
  }
}
