import Foundation
import Graphs

/// Gather: slices of the data along `axis`, one for each element of the indices; negative indices count from behind.
struct GatherKernel: OperatorKernel {
  private let axis: Int

  init(_ node: Node) throws(OperatorError) { axis = node.int("axis", default: 0) }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (data, indices) = (try inputs.required(0, named: "data"), try inputs.required(1, named: "indices"))
    let axis = try normalizedAxis(axis, rank: data.shape.count)
    guard indices.elementType == .int64 || indices.elementType == .int32 else {
      throw .invalid("the indices are \(indices.elementType), not int64 or int32")
    }
    if let constant = indices.constant { _ = try Self.rows(constant, length: data.shape[axis]) }
    let shape = data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...]
    return [TensorType(data.elementType, try checkedShape(Array(shape)))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (data, indices) = (inputs.required(0), inputs.required(1))
    let axis = try normalizedAxis(axis, rank: data.rank)
    let rows = try Self.rows(indices, length: data.shape[axis])
    let shape = Array(data.shape[..<axis] + indices.shape + data.shape[(axis + 1)...])
    let outer = data.shape[..<axis].reduce(1, *)
    let bytes = data.shape[(axis + 1)...].reduce(1, *) * data.elementType.byteCount
    let storage = TensorStorage(byteCount: outer * rows.count * bytes) { result in
      guard !result.isEmpty, let target = result.baseAddress else { return }
      data.withBytes { source in
        guard let source = source.baseAddress else { return }
        for block in 0..<outer {
          let (from, to) = (source + block * data.shape[axis] * bytes, target + block * rows.count * bytes)
          for (place, row) in rows.enumerated() { memcpy(to + place * bytes, from + row * bytes, bytes) }
        }
      }
    }
    return [Tensor(elementType: data.elementType, shape: shape, storage: storage)]
  }

  /// The indices counted from the front; throws if one lies outside of the dimension.
  private static func rows(_ indices: Tensor, length: Int) throws(OperatorError) -> [Int] {
    var rows = try indices.integers(named: "indices")
    for place in rows.indices {
      let index = rows[place]
      guard index >= -length, index < length else {
        throw .invalid("index \(index) is not in \(-length) ..< \(length), the dimension it is taken from")
      }
      if index < 0 { rows[place] = index + length }
    }
    return rows
  }
}
