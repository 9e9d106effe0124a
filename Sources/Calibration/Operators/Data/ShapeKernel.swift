import Graphs

/// Shape: the dimensions of the input from `start` to `end` (exclusive), as int64.
struct ShapeKernel: OperatorKernel {
  private let start: Int
  private let end: Int?

  init(_ node: Node) throws(OperatorError) {
    start = node.int("start", default: 0)
    if case .int(let end)? = node.attributes["end"] { self.end = end } else { end = nil }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let shape = try inputs.required(0, named: "data").shape
    return [TensorType(.int64, [value(ofShape: shape).count])]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] { [value(ofShape: inputs.required(0).shape)] }

  /// The result for an input of `shape`, which is all of the input that it depends on.
  func value(ofShape shape: [Int]) -> Tensor {
    func clamped(_ index: Int) -> Int { max(0, min(index < 0 ? index + shape.count : index, shape.count)) }
    let first = clamped(start)
    let last = max(first, clamped(end ?? shape.count))
    return Tensor(shape[first..<last].map { Int64($0) }, shape: [last - first])
  }
}
