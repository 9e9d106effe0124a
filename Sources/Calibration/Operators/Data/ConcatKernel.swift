import Foundation
import Graphs

/// Concat: tensors behind each other along `axis`; they agree in all other dimensions.
struct ConcatKernel: OperatorKernel {
  private let axis: Int

  init(_ node: Node) throws(OperatorError) {
    guard case .int(let axis)? = node.attributes["axis"] else { throw .invalid("the attribute 'axis' is missing") }
    self.axis = axis
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let first = try inputs.required(0, named: "inputs")
    let axis = try normalizedAxis(axis, rank: first.shape.count)
    var shape = first.shape
    for index in inputs.indices.dropFirst() {
      let other = try inputs.required(index, named: "inputs")
      guard other.elementType == first.elementType else {
        throw .invalid("input \(index) is \(other.elementType), input 0 is \(first.elementType)")
      }
      var expected = first.shape
      if other.shape.count == expected.count { expected[axis] = other.shape[axis] }
      guard other.shape == expected else {
        throw .invalid(
          "input \(index) has shape \(other.shape), input 0 \(first.shape): they differ beside axis \(axis)")
      }
      shape[axis] += other.shape[axis]
    }
    return [TensorType(first.elementType, try checkedShape(shape))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let tensors = inputs.indices.map { inputs.required($0) }
    let first = tensors[0]
    let axis = try normalizedAxis(axis, rank: first.rank)
    var shape = first.shape
    shape[axis] = tensors.reduce(0) { $0 + $1.shape[axis] }
    let width = first.elementType.byteCount
    let outer = shape[..<axis].reduce(1, *)
    let rowBytes = shape[axis...].reduce(1, *) * width
    let storage = TensorStorage(byteCount: outer * rowBytes) { result in
      guard let target = result.baseAddress, rowBytes > 0 else { return }
      var offset = 0
      for tensor in tensors {
        let bytes = tensor.shape[axis...].reduce(1, *) * width
        tensor.withBytes { source in
          guard bytes > 0, let source = source.baseAddress else { return }
          for row in 0..<outer { memcpy(target + row * rowBytes + offset, source + row * bytes, bytes) }
        }
        offset += bytes
      }
    }
    return [Tensor(elementType: first.elementType, shape: shape, storage: storage)]
  }
}
