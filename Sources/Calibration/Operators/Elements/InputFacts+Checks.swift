import Graphs

extension [InputFacts?] {
  /// The input at `index`, which the operator cannot do without; `name` is its name in the specification.
  func required(_ index: Int, named name: String) throws(OperatorError) -> InputFacts {
    guard let facts = optional(index) else { throw .invalid("input \(index) (\(name)) is missing") }
    return facts
  }

  /// The input at `index`, or nil if the node leaves it out.
  func optional(_ index: Int) -> InputFacts? {
    indices.contains(index) ? self[index] : nil
  }

  /// The value of an input that decides the shape of the output.
  func known(_ index: Int, named name: String) throws(OperatorError) -> Tensor {
    let facts = try required(index, named: name)
    guard let constant = facts.constant else {
      throw .invalid("input \(index) (\(name)) decides the shape of the output, so its value must be known beforehand")
    }
    return constant
  }

  /// The value of an input that decides the shape of the output if the node has it, or nil if it is left out.
  func knownIfPresent(_ index: Int, named name: String) throws(OperatorError) -> Tensor? {
    optional(index) == nil ? nil : try known(index, named: name)
  }
}

extension [Tensor?] {
  /// The input at `index`, or nil if the node leaves it out.
  func optional(_ index: Int) -> Tensor? {
    indices.contains(index) ? self[index] : nil
  }

  /// The input at `index`, which `infer` has found to be there.
  func required(_ index: Int) -> Tensor {
    guard let tensor = optional(index) else { preconditionFailure("input \(index) is missing") }
    return tensor
  }
}

extension Tensor {
  /// The elements of a list of indices, sizes or axes: int64, or int32 where the specification allows it.
  func integers(named name: String) throws(OperatorError) -> [Int] {
    switch elementType {
    case .int64: withElements(as: Int64.self) { $0.map { Int($0) } }
    case .int32: withElements(as: Int32.self) { $0.map { Int($0) } }
    default: throw .invalid("\(name) holds \(elementType), not int64 or int32")
    }
  }
}

/// `axis` counted from the front; a negative one counts from behind.
func normalizedAxis(_ axis: Int, rank: Int) throws(OperatorError) -> Int {
  guard axis >= -rank, axis < rank else { throw .invalid("axis \(axis) is not in \(-rank) ..< \(rank)") }
  return axis < 0 ? axis + rank : axis
}

/// Several axes counted from the front, no two of them the same.
func normalizedAxes(_ axes: [Int], rank: Int) throws(OperatorError) -> [Int] {
  var seen = Set<Int>()
  var result: [Int] = []
  for axis in axes {
    let normalized = try normalizedAxis(axis, rank: rank)
    guard seen.insert(normalized).inserted else { throw .invalid("axis \(axis) occurs twice in \(axes)") }
    result.append(normalized)
  }
  return result
}

/// Returns `shape` if a tensor of that shape can exist: no negative dimension, and a size in bytes that fits an Int.
func checkedShape(_ shape: [Int]) throws(OperatorError) -> [Int] {
  // Zero dimensions are left out of the product: [2^40, 2^40, 0] would be empty, but strides of it would overflow.
  var bytes = 8
  for dimension in shape {
    guard dimension >= 0 else { throw .invalid("the output would have the shape \(shape)") }
    let (product, overflow) = bytes.multipliedReportingOverflow(by: Swift.max(dimension, 1))
    guard !overflow else { throw .invalid("the output would have the shape \(shape), more than memory can hold") }
    bytes = product
  }
  return shape
}
