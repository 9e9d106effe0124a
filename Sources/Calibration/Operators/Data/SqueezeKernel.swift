import Graphs

/// Squeeze: drops dimensions of 1, those in the input `axes` or all. Shares the memory of its input.
struct SqueezeKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    return [
      TensorType(data.elementType, try squeezed(data.shape, axes: inputs.knownIfPresent(1, named: "axes")))
    ]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    return [data.reshaped(try squeezed(data.shape, axes: inputs.optional(1)))]
  }

  private func squeezed(_ shape: [Int], axes: Tensor?) throws(OperatorError) -> [Int] {
    guard let axes else { return shape.filter { $0 != 1 } }
    let dropped = try normalizedAxes(axes.integers(named: "axes"), rank: shape.count)
    for axis in dropped where shape[axis] != 1 {
      throw .invalid("dimension \(axis) of \(shape) is \(shape[axis]), not 1, and cannot be dropped")
    }
    return shape.indices.filter { !dropped.contains($0) }.map { shape[$0] }
  }
}
