import Graphs
import LinearAlgebra

/// Cast: the elements as another type. `CastElement` states the rules.
///
/// The target is the attribute `to`, a number of ONNX's `TensorProto.DataType`, or the name of an `ElementType`.
struct CastKernel: PiecewiseKernel {
  private let target: ElementType

  init(_ node: Node) throws(OperatorError) {
    if case .string(let name)? = node.attributes["to"], let type = ElementType(rawValue: name) {
      target = type
      return
    }
    guard case .int(let code)? = node.attributes["to"] else { throw .invalid("the attribute 'to' is missing") }
    guard let type = Self.elementType(dataType: code) else { throw .unsupported("a cast to data type \(code)") }
    target = type
  }

  /// The element type with a number of `TensorProto.DataType`; nil for strings, complex and sub-byte types.
  static func elementType(dataType code: Int) -> ElementType? {
    switch code {
    case 1: .float32
    case 2: .uint8
    case 3: .int8
    case 4: .uint16
    case 5: .int16
    case 6: .int32
    case 7: .int64
    case 9: .bool
    case 10: .float16
    case 11: .float64
    case 12: .uint32
    case 13: .uint64
    case 16: .bfloat16
    default: nil
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    [TensorType(target, try inputs.required(0, named: "input").shape)]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    [inputs.required(0).cast(to: target, workers)]
  }
}
