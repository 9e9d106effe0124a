/// Why a matrix could not be quantized.
public enum QuantizationError: Error, Equatable, CustomStringConvertible {
  /// An element of the Hessian is NaN or infinite.
  case hessianNotFinite(row: Int, column: Int, value: Double)
  /// A diagonal element of the Hessian is negative, which no sum of squares is.
  case negativeCurvature(column: Int, value: Double)
  /// The Cholesky factorization failed even with the largest damping.
  case notPositiveDefinite(minor: Int, columns: Int, damping: Double, escalations: Int)
  /// A weight is NaN or infinite.
  case weightNotFinite(row: Int, column: Int, value: Float)
  /// Buffers that should hold a factor do not.
  case malformedFactor(String)

  /// Where, what, which value, and what to do.
  public var description: String {
    switch self {
    case .hessianNotFinite(let row, let column, let value):
      "the Hessian's element at row \(row), column \(column) is \(value); look for NaN or infinity in the calibration data"
    case .negativeCurvature(let column, let value):
      "the Hessian's diagonal element of column \(column) is \(value), but a sum of squares is not negative"
    case .notPositiveDefinite(let minor, let columns, let damping, let escalations):
      """
      the leading minor of order \(minor) of \(columns) is not positive definite, counting columns from the last \
      processed, with damping raised \(escalations) times to \(damping); calibrate with more samples or a larger damping
      """
    case .weightNotFinite(let row, let column, let value):
      "the weight at row \(row), column \(column) is \(value); the model's file holds NaN or infinity"
    case .malformedFactor(let reason): "the received factor is not one: \(reason)"
    }
  }
}
