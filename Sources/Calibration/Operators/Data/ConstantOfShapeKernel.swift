import Graphs

/// ConstantOfShape: a tensor of the shape that the input states, every element the attribute `value` (or float 0).
struct ConstantOfShapeKernel: OperatorKernel {
  private let value: Tensor

  init(_ node: Node) throws(OperatorError) {
    if case .tensor(let tensor)? = node.attributes["value"] {
      guard tensor.count == 1 else { throw .invalid("'value' has shape \(tensor.shape), not one element") }
      value = tensor
    } else {
      value = Tensor([Float(0)], shape: [1])
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let shape = try inputs.known(0, named: "input").integers(named: "input")
    return [TensorType(value.elementType, try checkedShape(shape))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let shape = try checkedShape(inputs.required(0).integers(named: "input"))
    return [StridedCopy(shape: shape, steps: shape.map { _ in 0 }).apply(to: value)]
  }
}
