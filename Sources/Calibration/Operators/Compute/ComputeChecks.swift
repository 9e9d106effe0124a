import Graphs
import LinearAlgebra

/// What every kernel of this folder checks in the same way.
enum ComputeChecks {
  /// The input at `index`, which must be there and hold float32.
  static func float(_ inputs: [InputFacts?], _ index: Int, _ name: String) throws(OperatorError) -> InputFacts {
    guard let facts = try optionalFloat(inputs, index, name) else { throw .invalid("input \(name) is missing") }
    return facts
  }

  /// The input at `index`, nil if it is left out; it must hold float32.
  static func optionalFloat(
    _ inputs: [InputFacts?], _ index: Int, _ name: String
  ) throws(OperatorError) -> InputFacts? {
    guard inputs.indices.contains(index), let facts = inputs[index] else { return nil }
    guard facts.elementType == .float32 else {
      throw .unsupported("input \(name) of type \(facts.elementType.rawValue); it must be float32")
    }
    return facts
  }

  /// The weight at `index`: float32, or 16-bit floating-point numbers that are widened while the operator runs.
  static func weight(_ inputs: [InputFacts?], _ index: Int, _ name: String) throws(OperatorError) -> InputFacts {
    if inputs.indices.contains(index), let facts = inputs[index], facts.elementType.isHalf { return facts }
    return try float(inputs, index, name)
  }

  /// The optional tensor at `index`.
  static func optional(_ inputs: [Tensor?], _ index: Int) -> Tensor? {
    inputs.indices.contains(index) ? inputs[index] : nil
  }

  /// `axis` counted from the front; ONNX counts negative ones from behind.
  static func axis(_ axis: Int, rank: Int) throws(OperatorError) -> Int {
    guard (-rank..<rank).contains(axis) else { throw .invalid("axis \(axis) of a tensor of rank \(rank)") }
    return axis < 0 ? axis + rank : axis
  }

  /// Calls oneDNN and turns its errors into those of operators.
  static func library<R: ~Copyable>(_ body: () throws(DNNError) -> R) throws(OperatorError) -> R {
    do {
      return try body()
    } catch {
      throw .failed("\(error)")
    }
  }
}
