import Graphs

/// Constant: a tensor that an attribute holds.
struct ConstantKernel: OperatorKernel {
  private let value: Tensor

  init(_ node: Node) throws(OperatorError) {
    switch (node.attributes["value"], node.attributes.first { $0.key.hasPrefix("value_") }?.value) {
    case (.tensor(let tensor)?, _): value = tensor
    case (_, .float(let element)?): value = Tensor(scalar: element)
    case (_, .floats(let elements)?): value = Tensor(elements, shape: [elements.count])
    case (_, .int(let element)?): value = Tensor(scalar: Int64(element))
    case (_, .ints(let elements)?): value = Tensor(elements.map { Int64($0) }, shape: [elements.count])
    default: throw .unsupported("a Constant without value, value_float(s) or value_int(s)")
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    [TensorType(value.elementType, value.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] { [value] }
}
