import Graphs

/// Flatten: the dimensions before `axis` as rows, the rest as columns. Shares the memory of its input.
struct FlattenKernel: OperatorKernel {
  private let axis: Int

  init(_ node: Node) throws(OperatorError) { axis = node.int("axis", default: 1) }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "input")
    return [TensorType(input.elementType, try flattened(input.shape))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    return [input.reshaped(try flattened(input.shape))]
  }

  private func flattened(_ shape: [Int]) throws(OperatorError) -> [Int] {
    // The axis may lie behind the last dimension: then everything is rows.
    guard axis >= -shape.count, axis <= shape.count else {
      throw .invalid("axis \(axis) is not in \(-shape.count) ... \(shape.count), the rank of \(shape)")
    }
    let split = axis < 0 ? axis + shape.count : axis
    return [shape[..<split].reduce(1, *), shape[split...].reduce(1, *)]
  }
}
