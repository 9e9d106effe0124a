import Graphs

/// Expand: the input repeated along dimensions of 1 until it has the shape that it and `shape` broadcast to.
struct ExpandKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "input")
    let target = try inputs.known(1, named: "shape").integers(named: "shape")
    return [TensorType(input.elementType, try expanded(input.shape, to: target))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    let shape = try expanded(input.shape, to: inputs.required(1).integers(named: "shape"))
    if shape == input.shape { return [input] }
    if shape.contains(0) { return [StridedCopy(shape: shape, steps: shape.map { _ in 0 }).apply(to: input)] }
    let missing = shape.count - input.rank
    let own = StridedCopy.contiguousSteps(of: input.shape)
    let steps = shape.indices.map { $0 < missing || input.shape[$0 - missing] == 1 ? 0 : own[$0 - missing] }
    return [StridedCopy(shape: shape, steps: steps).apply(to: input)]
  }

  private func expanded(_ shape: [Int], to target: [Int]) throws(OperatorError) -> [Int] {
    try BroadcastPlan.shape(of: [shape, checkedShape(target)])
  }
}
