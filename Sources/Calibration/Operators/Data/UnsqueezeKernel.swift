import Graphs

/// Unsqueeze: inserts dimensions of 1 at the places, in the result, that `axes` names. Shares the memory of its input.
struct UnsqueezeKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    return [TensorType(data.elementType, try unsqueezed(data.shape, axes: inputs.known(1, named: "axes")))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    return [data.reshaped(try unsqueezed(data.shape, axes: inputs.required(1)))]
  }

  private func unsqueezed(_ shape: [Int], axes: Tensor) throws(OperatorError) -> [Int] {
    let listed = try axes.integers(named: "axes")
    let rank = shape.count + listed.count
    let inserted = Set(try normalizedAxes(listed, rank: rank))
    var rest = shape[...]
    return (0..<rank).map { inserted.contains($0) ? 1 : rest.removeFirst() }
  }
}
