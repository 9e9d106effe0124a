import Foundation
import Graphs

/// Split: the input cut along `axis` into pieces of the lengths in the input `split`, or into as many pieces of equal
/// length as there are outputs (the last one shorter if need be).
struct SplitKernel: OperatorKernel {
  private let axis: Int
  private let outputCount: Int

  init(_ node: Node) throws(OperatorError) {
    axis = node.int("axis", default: 0)
    outputCount = node.outputs.count
    let stated = node.int("num_outputs", default: outputCount)
    guard stated == outputCount, outputCount > 0 else {
      throw .invalid("num_outputs is \(stated), the node has \(outputCount) outputs")
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "input")
    let lengths = try lengths(of: input.shape, split: inputs.knownIfPresent(1, named: "split"))
    let axis = try normalizedAxis(axis, rank: input.shape.count)
    return lengths.map { length in
      var shape = input.shape
      shape[axis] = length
      return TensorType(input.elementType, shape)
    }
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    let axis = try normalizedAxis(axis, rank: input.rank)
    let lengths = try lengths(of: input.shape, split: inputs.optional(1))
    let outer = input.shape[..<axis].reduce(1, *)
    let indexBytes = input.shape[(axis + 1)...].reduce(1, *) * input.elementType.byteCount
    let rowBytes = input.shape[axis] * indexBytes
    var pieces: [Tensor] = []
    var offset = 0
    for length in lengths {
      var shape = input.shape
      shape[axis] = length
      let bytes = length * indexBytes
      let storage = TensorStorage(byteCount: outer * bytes) { result in
        guard bytes > 0, let target = result.baseAddress else { return }
        input.withBytes { source in
          guard let source = source.baseAddress else { return }
          for row in 0..<outer { memcpy(target + row * bytes, source + row * rowBytes + offset, bytes) }
        }
      }
      pieces.append(Tensor(elementType: input.elementType, shape: shape, storage: storage))
      offset += bytes
    }
    return pieces
  }

  private func lengths(of shape: [Int], split: Tensor?) throws(OperatorError) -> [Int] {
    let total = shape[try normalizedAxis(axis, rank: shape.count)]
    guard let split else {
      let length = total / outputCount + (total % outputCount == 0 ? 0 : 1)
      return (0..<outputCount).map { max(0, min(length, total - $0 * length)) }
    }
    let lengths = try split.integers(named: "split")
    var rest = total
    for length in lengths {
      guard length >= 0, length <= rest else {
        throw .invalid("split \(lengths) does not add up to \(total), dimension \(axis) of \(shape)")
      }
      rest -= length
    }
    guard rest == 0, lengths.count == outputCount else {
      throw .invalid("split \(lengths) into \(outputCount) outputs does not fit dimension \(axis) of \(shape)")
    }
    return lengths
  }
}
