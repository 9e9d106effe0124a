/// Why an operator cannot be prepared or run; the executor adds the node's name.
public enum OperatorError: Error, Equatable, CustomStringConvertible {
  /// The operator or one of its modes is not supported, such as 3-D convolution.
  case unsupported(String)
  /// Attributes or input shapes contradict the operator's definition.
  case invalid(String)
  /// A library that computes the operator refused a call, such as for lack of memory.
  case failed(String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .unsupported(let what): "not supported: \(what)"
    case .invalid(let what), .failed(let what): what
    }
  }
}
