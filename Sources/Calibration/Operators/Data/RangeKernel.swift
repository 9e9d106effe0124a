import Graphs

/// Range: start, start + delta, ... up to limit (exclusive); three scalars of one type.
///
/// Integers wrap around. Floating-point elements are start + i * delta, computed in float64 and rounded once.
struct RangeKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let start = try inputs.known(0, named: "start")
    let count = try count(start, inputs.known(1, named: "limit"), inputs.known(2, named: "delta"))
    return [TensorType(start.elementType, try checkedShape([count]))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (start, limit, delta) = (inputs.required(0), inputs.required(1), inputs.required(2))
    let count = try checkedShape([try count(start, limit, delta)])[0]
    if start.elementType.isFloatingPoint {
      let (first, step) = (
        start.cast(to: .float64).first(as: Double.self), delta.cast(to: .float64).first(as: Double.self)
      )
      let values = Tensor(shape: [count], of: Double.self) { values in
        for i in values.indices { values[i] = first + Double(i) * step }
      }
      return [values.cast(to: start.elementType)]
    }
    let (first, step) = (start.cast(to: .int64).first(as: Int64.self), delta.cast(to: .int64).first(as: Int64.self))
    let values = Tensor(shape: [count], of: Int64.self) { values in
      for i in values.indices { values[i] = first &+ Int64(i) &* step }
    }
    return [values.cast(to: start.elementType)]
  }

  private func count(_ start: Tensor, _ limit: Tensor, _ delta: Tensor) throws(OperatorError) -> Int {
    for tensor in [start, limit, delta] {
      guard tensor.count == 1, tensor.elementType == start.elementType else {
        throw .invalid("start, limit and delta must be one element each, of one type")
      }
    }
    guard start.elementType != .bool else { throw .invalid("a range of bools") }
    let ends = [start, limit, delta].map { $0.cast(to: .float64).first(as: Double.self) }
    let count = ((ends[1] - ends[0]) / ends[2]).rounded(.up)
    // Above 2^53 a double does not count any more; no memory holds as many elements.
    guard count.isFinite, count < 0x1p53 else {
      throw .invalid("a range from \(ends[0]) to \(ends[1]) by \(ends[2]) has no end")
    }
    return max(0, Int(count))
  }
}
