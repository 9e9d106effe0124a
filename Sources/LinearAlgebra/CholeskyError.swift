/// Why a Cholesky factorization stopped.
public enum CholeskyError: Error, Equatable, CustomStringConvertible {
  /// The leading minor of this order (1 is the first element) is not positive definite.
  case notPositiveDefinite(order: Int)

  /// What happened.
  public var description: String {
    switch self {
    case .notPositiveDefinite(let order): "the leading minor of order \(order) is not positive definite"
    }
  }
}
