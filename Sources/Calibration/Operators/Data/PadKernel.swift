import Graphs

/// Pad: elements added before and after dimensions, or taken away where a pad is negative.
///
/// Modes: `constant` (the input constant_value, or 0), `edge` (the outermost element), `reflect` (mirrored without
/// the outermost element), `wrap` (the other end). Pads longer than the dimension reflect or wrap repeatedly.
struct PadKernel: OperatorKernel {
  private enum Mode: String {
    case constant, edge, reflect, wrap
  }

  private let mode: Mode

  init(_ node: Node) throws(OperatorError) {
    let name = node.string("mode", default: "constant")
    guard let mode = Mode(rawValue: name) else { throw .unsupported("Pad with mode \(name)") }
    self.mode = mode
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    if let value = inputs.optional(2) {
      guard value.elementType == data.elementType, value.shape.reduce(1, *) == 1 else {
        throw .invalid("constant_value is \(value.elementType) \(value.shape), not one element of \(data.elementType)")
      }
    }
    let pads = try pads(
      of: data.shape, pads: inputs.known(1, named: "pads"), axes: inputs.knownIfPresent(3, named: "axes"))
    return [TensorType(data.elementType, try padded(data.shape, pads))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    let pads = try pads(of: data.shape, pads: inputs.required(1), axes: inputs.optional(3))
    let shape = try padded(data.shape, pads)
    if shape == data.shape, pads.allSatisfy({ $0.before == 0 }) { return [data] }
    let tables = data.shape.indices.map { axis in
      (0..<shape[axis]).map { source($0 - pads[axis].before, length: data.shape[axis]) }
    }
    return [IndexedCopy(tables: tables).apply(to: data, fill: inputs.optional(2))]
  }

  private typealias Pads = (before: Int, after: Int)

  private func pads(of shape: [Int], pads: Tensor, axes: Tensor?) throws(OperatorError) -> [Pads] {
    let values = try pads.integers(named: "pads")
    let listed = try axes.map { axes throws(OperatorError) in try axes.integers(named: "axes") }
    let axes = try normalizedAxes(listed ?? Array(shape.indices), rank: shape.count)
    guard values.count == 2 * axes.count else {
      throw .invalid("\(values.count) pads for \(axes.count) axes of \(shape); two for each are needed")
    }
    var result = shape.map { _ in Pads(0, 0) }
    for (index, axis) in axes.enumerated() { result[axis] = (values[index], values[index + axes.count]) }
    return result
  }

  private func padded(_ shape: [Int], _ pads: [Pads]) throws(OperatorError) -> [Int] {
    var result = shape
    for (axis, pad) in pads.enumerated() {
      let (sum, overflow) = shape[axis].addingReportingOverflow(pad.before)
      let (total, again) = sum.addingReportingOverflow(pad.after)
      // Both ends on their own too: nothing is taken away from what was added at the other end.
      guard !overflow, !again, total >= 0, pad.before >= -shape[axis], pad.after >= -shape[axis] else {
        throw .invalid("pads \(pad.before) and \(pad.after) do not fit dimension \(axis) of \(shape)")
      }
      guard mode == .constant || shape[axis] > 0 || total == 0 else {
        throw .invalid("dimension \(axis) of \(shape) is empty and cannot be extended by mode \(mode.rawValue)")
      }
      result[axis] = total
    }
    return try checkedShape(result)
  }

  /// The source index for `index`, which counts from the first source element; nil for the constant.
  private func source(_ index: Int, length: Int) -> Int? {
    if (0..<length).contains(index) { return index }
    switch mode {
    case .constant: return nil
    case .edge: return max(0, min(index, length - 1))
    case .wrap: return ((index % length) + length) % length
    case .reflect:
      if length == 1 { return 0 }
      let period = 2 * (length - 1)
      let phase = ((index % period) + period) % period
      return phase < length ? phase : period - phase
    }
  }
}
