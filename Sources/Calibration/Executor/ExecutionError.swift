import Graphs

/// Why a graph cannot be prepared or run.
public enum ExecutionError: Error, Equatable, CustomStringConvertible {
  /// An operator, or one of its modes, is refused before any shape is known.
  case node(name: String, kind: String, reason: OperatorError)
  /// An operator does not fit its inputs, or failed on them; `inputs` are their types as text.
  case inputs(name: String, kind: String, inputs: String, reason: OperatorError)
  /// A value is read that no input, constant or earlier node gives; `reader` is the node.
  case missing(value: String, reader: String)
  /// A tensor that the caller gave is not what the model or the plan says.
  case mismatch(value: String, given: String, expected: String)
  /// A caller replaced a constant from which something was already computed.
  case folded(value: String)

  /// What happened, where, and what to do.
  public var description: String {
    switch self {
    case .node(let name, let kind, let reason): "\(name) (\(kind)): \(reason)"
    case .inputs(let name, let kind, let inputs, let reason): "\(name) (\(kind)) of \(inputs): \(reason)"
    case .missing(let value, let reader):
      "\(reader) reads \(value), which is neither given nor computed before it; give it a value"
    case .mismatch(let value, let given, let expected): "\(value) is \(given), the model expects \(expected)"
    case .folded(let value):
      "\(value) was replaced, but constants were computed from it; name it replaceable when the plan is made"
    }
  }
}

extension TensorType: CustomStringConvertible {
  /// Such as `float32 [1, 3, 224, 224]`.
  /// What happened, where, and what to do.
  public var description: String { "\(elementType.rawValue) \(shape)" }
}

extension Tensor {
  /// The tensor's element type and shape.
  public var type: TensorType { TensorType(elementType, shape) }
}
