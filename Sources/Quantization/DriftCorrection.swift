import LinearAlgebra

/// Moves the rows of an input group towards weights that, on the inputs in the quantized network, give what the float
/// weights gave on the float network's inputs.
///
/// With X the inputs in the float network, X̃ those in the quantized one and H̃ = X̃ X̃ᵀ, the V that minimizes
/// |W X - V X̃|² + λ |V - W|² is V = W + W (X - X̃) X̃ᵀ (H̃ + λ I)⁻¹ (QEP, arXiv:2504.09629; the same target as that of
/// Qronos, arXiv:2505.11695). `alpha` takes a part of the way, which guards against fitting the samples.
public struct DriftCorrection: Sendable {
  /// Number of columns C.
  public let columns: Int
  /// alpha (X - X̃) X̃ᵀ (H̃ + λ I)⁻¹, C x C, row-major: V = W + W update.
  public let update: FloatStorage

  /// Makes the update from moments and a factor in the same units.
  ///
  /// - Parameters:
  ///   - crossMoments: (X - X̃) X̃ᵀ, C x C, row-major.
  ///   - factor: that of H̃ with its damping.
  ///   - alpha: 0 leaves the weights alone, 1 goes the whole way.
  ///
  /// Complexity: 2 C³ operations in float64.
  public init(crossMoments: [Double], factor: SharedFactor, alpha: Double) {
    let columns = factor.columns
    precondition(crossMoments.count == columns * columns, "\(crossMoments.count) moments for \(columns) columns")
    let order = factor.order.map { Int($0) }
    // P inverse(H) transpose(P) = transpose(U) U / unit: columns in processing order, and back.
    let scale = alpha / factor.unit
    var product = [Double](repeating: 0, count: columns * columns)
    for row in stride(from: 0, to: columns * columns, by: columns) {
      for k in 0..<columns { product[row + k] = crossMoments[row + order[k]] * scale }
    }
    InverseProduct.multiply(&product, rows: columns, order: columns, upper: factor.inverse)
    var update = [Float](repeating: 0, count: columns * columns)
    for row in stride(from: 0, to: columns * columns, by: columns) {
      // A dead column's weights become zero whatever they are.
      for k in 0..<columns where factor.curvature[order[k]] != 0 { update[row + order[k]] = Float(product[row + k]) }
    }
    (self.columns, self.update) = (columns, FloatStorage(update))
  }

  /// Takes the update of another rank.
  public init(columns: Int, update: FloatStorage) {
    precondition(update.count == columns * columns, "\(update.count) elements for \(columns) columns")
    (self.columns, self.update) = (columns, update)
  }

  /// Adds W update to `rows` rows of a matrix, in float32.
  ///
  /// A row's result depends on how many rows are in the call: for the same bits on any ranks, callers pass tiles whose
  /// size depends on the layer alone.
  public func apply(to weights: UnsafeMutablePointer<Float>, rows: Int) {
    let count = rows * columns
    Temporary.withFloats(count) { before in
      before.update(from: weights, count: count)
      update.withUnsafeBufferPointer { update in
        GEMM.multiply(
          rows: rows, columns: columns, depth: columns, before, stride: columns, update.baseAddress!, stride: columns,
          beta: 1, into: weights, stride: columns)
      }
    }
  }
}
