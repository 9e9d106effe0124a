import Graphs

/// Slice: along each of `axes` the indices from start to end (exclusive) by step, as numpy slices.
///
/// Negative starts and ends count from behind, those out of range are clamped, steps may be negative.
struct SliceKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    let ranges = try ranges(
      of: data.shape, starts: inputs.known(1, named: "starts"), ends: inputs.known(2, named: "ends"),
      axes: inputs.knownIfPresent(3, named: "axes"), steps: inputs.knownIfPresent(4, named: "steps"))
    return [TensorType(data.elementType, ranges.map(\.count))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    let ranges = try ranges(
      of: data.shape, starts: inputs.required(1), ends: inputs.required(2),
      axes: inputs.optional(3), steps: inputs.optional(4))
    let shape = ranges.map(\.count)
    // A slice that leaves everything in place is the input itself.
    if shape == data.shape, ranges.allSatisfy({ $0.step == 1 || $0.count <= 1 }) { return [data] }
    let strides = StridedCopy.contiguousSteps(of: data.shape)
    let start = zip(ranges, strides).reduce(0) { $0 + $1.0.start * $1.1 }
    let steps = zip(ranges, strides).map { $0.step * $1 }
    return [StridedCopy(shape: shape, steps: steps, start: start).apply(to: data)]
  }

  /// What is taken of one dimension: `count` indices from `start`, `step` apart.
  private struct Part {
    var start: Int
    var step: Int
    var count: Int
  }

  private func ranges(
    of shape: [Int], starts: Tensor, ends: Tensor, axes: Tensor?, steps: Tensor?
  ) throws(OperatorError) -> [Part] {
    let starts = try starts.integers(named: "starts")
    let ends = try ends.integers(named: "ends")
    let listed = try axes.map { axes throws(OperatorError) in try axes.integers(named: "axes") }
    let axes = try normalizedAxes(listed ?? Array(starts.indices), rank: shape.count)
    let listedSteps = try steps.map { steps throws(OperatorError) in try steps.integers(named: "steps") }
    let steps = listedSteps ?? [Int](repeating: 1, count: starts.count)
    guard starts.count == ends.count, starts.count == axes.count, starts.count == steps.count else {
      throw .invalid(
        "\(starts.count) starts, \(ends.count) ends, \(axes.count) axes and \(steps.count) steps; must be equally many")
    }
    var parts = shape.map { Part(start: 0, step: 1, count: $0) }
    for (index, axis) in axes.enumerated() {
      parts[axis] = try Self.part(of: shape[axis], from: starts[index], to: ends[index], by: steps[index])
    }
    return parts
  }

  private static func part(of length: Int, from start: Int, to end: Int, by step: Int) throws(OperatorError) -> Part {
    guard step != 0 else { throw .invalid("a step of 0") }
    // A step that is longer than the dimension takes one element; bounding it keeps the arithmetic in range.
    let step = max(-length - 1, min(step, length + 1))
    let (lowest, highest) = step > 0 ? (0, length) : (-1, length - 1)
    func clamped(_ index: Int) -> Int { max(lowest, min(index < 0 ? index + length : index, highest)) }
    let (first, last) = (clamped(start), clamped(end))
    let distance = step > 0 ? last - first : first - last
    let magnitude = abs(step)
    // Without a first element, the start would be an offset outside of the tensor.
    guard distance > 0 else { return Part(start: 0, step: 1, count: 0) }
    return Part(start: first, step: step, count: (distance + magnitude - 1) / magnitude)
  }
}
