import LinearAlgebra
import Quantization

/// The loss that theory expects of rounding errors that are spread evenly over a step: before any row is solved.
///
/// Σ_j step² / 12 * weight_j for a row, with weight_j = 1 / U_jj² for a solve that compensates errors and H_jj for plain
/// rounding (H damped), in the units of the losses that `RowLosses` measures.
struct PredictedLoss: Sendable {
  /// By group of columns, the sum of its columns' weights / 12.
  private let weights: [Double]

  /// The weights of a factor under a scheme.
  init(_ factor: SharedFactor, method: Method, scheme: QuantizationScheme) {
    let size = scheme.groupSize(columns: factor.columns)
    var weights = [Double](repeating: 0, count: scheme.groupCount(columns: factor.columns))
    for k in 0..<factor.columns {
      let column = Int(factor.order[k])
      guard factor.curvature[column] > 0 else { continue }
      let pivot = Double(factor.inverse[SymmetricMatrix.rowStart(k, order: factor.columns)])
      let weight = method == .round ? Double(factor.curvature[column]) : 1 / (pivot * pivot)
      // Half of it, since H = 2 E[x xᵀ].
      weights[column / size] += weight * factor.unit / 24
    }
    self.weights = weights
  }

  /// The expected loss of a row with these scales, one per group.
  func loss(scales: ArraySlice<Float>) -> Double {
    zip(scales, weights).reduce(0) { $0 + Double($1.0) * Double($1.0) * $1.1 }
  }
}
