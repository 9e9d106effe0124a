import Graphs

/// Identity: the input itself.
struct IdentityKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "input")
    return [TensorType(input.elementType, input.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] { [inputs.required(0)] }
}
