import Calibration
import Graphs

/// Measures a model's own operators and sums on tensors of its shapes, those that do not take long.
struct OperatorMeasurement {
  /// What has more operations than this is left to the rates.
  static let limit = 3e10

  private let costs: OperatorCosts
  private var known: [String: Double] = [:]
  private var preparations: [String: Double] = [:]

  /// Measures everything once that `run` does with a chunk, and adds it to the machine of `costs`.
  static func measured(_ costs: OperatorCosts) throws -> Machine {
    var measurement = OperatorMeasurement(costs: costs)
    for node in costs.run.executionOrder where !costs.plan.isFolded(node) { measurement.measure(node: node) }
    for group in costs.run.stages.flatMap(\.inputGroups) { try measurement.measure(group) }
    var machine = costs.machine
    machine.operators.merge(measurement.known) { $1 }
    machine.preparations.merge(measurement.preparations) { $1 }
    return machine
  }

  private init(costs: OperatorCosts) { self.costs = costs }

  private mutating func measure(node index: Int) {
    let node = costs.run.graph.nodes[index]
    let key = costs.signature(index)
    let values = node.inputs.compactMap { $0 } + node.outputs.compactMap { $0 }
    let bytes = values.reduce(0) { $0 + (costs.type($1)?.byteCount ?? 0) }
    guard known[key] == nil, node.kind.isStandard, costs.operations(index) <= Self.limit, bytes < 1 << 30 else {
      return
    }
    var table = ValueTable()
    for case let value? in node.inputs {
      guard let type = costs.type(value) else { return }
      // Small constants say what is to be done; large ones may be of a model without weights.
      if let constant = costs.plan.constant(value), constant.storage.byteCount < 1 << 16 { continue }
      table[value] = SyntheticTensor.make(type)
    }
    let (executor, plan) = (costs.run.executor, costs.plan)
    // What cannot run on such values is estimated.
    let times = try? ProbeClock.times {
      var copy = table
      try executor.run([index], plan: plan, table: &copy)
    }
    (known[key], preparations[key]) = (times?.median, times?.preparation)
  }

  private mutating func measure(_ group: InputGroup) throws {
    let key = costs.signature(group)
    let operations = Double(group.columns) * Double(group.columns) * costs.vectors(group) * Double(group.groups)
    guard known["sums \(key)"] == nil, operations <= Self.limit, let type = costs.type(group.input) else { return }
    let tensor = SyntheticTensor.make(type)
    let columns = try InputColumns(group: group, tensors: [tensor])
    let scale = SumScale(bound: 1e6, chunkCount: 1 << 10, columnCount: 1 << 20)
    let sums = HessianSums(group: group, scale: scale)
    known["sums \(key)"] = try ProbeClock.seconds { try sums.add(columns) }
    guard costs.run.correctsDrift, operations * 2 <= Self.limit else { return }
    let cross = CrossSums(group: group, scale: scale)
    known["cross \(key)"] = try ProbeClock.seconds {
      try cross.add(differences: columns.differences(from: columns), quantized: columns)
    }
  }
}
