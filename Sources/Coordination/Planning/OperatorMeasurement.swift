import Calibration
import Graphs

/// Measures a model's own operators and sums as a run meets them: stage by stage and in order, on several chunks in turn and in
/// two networks, so that caches hold what they hold in a run.
///
/// An operator by itself, again and again on the same tensors, takes up to 40 % less: its inputs are in the caches.
struct OperatorMeasurement {
  /// What has more operations than this is left to the rates.
  static let limit = 3e10
  /// And what has more bytes of operands than this.
  static let mostBytes = 1 << 29
  /// Bytes of activations that wait at a time, in both networks.
  private static let mostActivations = 1 << 28
  /// Seconds after which nothing more is measured.
  private static let patience = 30.0

  private let costs: OperatorCosts
  /// Whether the weights are those of the model, and not zeros.
  private let hasWeights: Bool
  private let start = ContinuousClock.now
  /// By what is measured, see `OperatorCosts`.
  private var samples: [String: ProbeSamples] = [:]
  /// Nodes that have run, so that what they keep is there.
  private var met = Set<Int>()
  /// What stands for values that are not computed.
  private var synthetic: [TensorType: Tensor] = [:]
  /// The chunks in the quantized network (which has the model's own weights here), and in the float network.
  private var quantized: [ValueTable] = []
  private var float: [ValueTable] = []

  /// Measures what `run` does with a chunk, and adds it to the machine of `costs`.
  ///
  /// - Parameter hasWeights: whether the model's weights are there.
  static func measured(_ costs: OperatorCosts, hasWeights: Bool) throws -> Machine {
    var measurement = try OperatorMeasurement(costs, hasWeights: hasWeights)
    for stage in costs.run.stages { try measurement.rehearse(stage) }
    var machine = costs.machine
    for (key, samples) in measurement.samples {
      guard let seconds = samples.seconds else { continue }
      machine.operators[key] = max(seconds, 1e-9)
      machine.preparations[key] = samples.preparation
      machine.renewals[key] = samples.renewal
    }
    return machine
  }

  private init(_ costs: OperatorCosts, hasWeights: Bool) throws {
    (self.costs, self.hasWeights) = (costs, hasWeights)
    let run = costs.run
    let waiting = max(1, costs.shapes.waitingBytes(run).max() ?? 1) / costs.batches
    let count = min(16, run.chunkPartition.chunkCount, max(1, Self.mostActivations / (2 * waiting)))
    for number in 0..<count {
      var inputs: [ValueID: Tensor] = [:]
      try note("inputs") { inputs = try run.feed.inputs(for: run.chunkPartition.samples(ofChunk: number))[0] }
      // Only full chunks have the shapes that are planned for.
      if number > 0, inputs.contains(where: { costs.plan.types[$0.key] != $0.value.type }) { continue }
      quantized.append(ValueTable(inputs))
      float.append(ValueTable(inputs))
    }
  }

  // MARK: A stage

  /// Does with the chunks what a run does in a stage, unless all of it is known.
  private mutating func rehearse(_ stage: Stage) throws {
    let run = costs.run
    let layers = stage.inputGroups.flatMap(\.layers).map { run.layers[$0] }
    let nodes = layers.map(\.layer.node)
    let isKnown =
      (stage.nodes + nodes).allSatisfy { samples[costs.signature($0)]?.isEnough ?? !canMeasure($0) }
      && stage.inputGroups.allSatisfy { samples["bounds \(costs.signature($0))"]?.isEnough ?? false }
    let isLate = (ContinuousClock.now - start).seconds > Self.patience
    for chunk in quantized.indices {
      for node in stage.nodes {
        advance(\.quantized, chunk, node, runs: !isKnown && !isLate)
        advance(\.float, chunk, node, runs: !isKnown && !isLate)
      }
      guard !isKnown, !isLate else { continue }
      for group in stage.inputGroups { try measureBounds(group, chunk) }
    }
    guard !isKnown, !isLate else { return }
    for group in stage.inputGroups { try measureSums(group) }
    for layer in layers { measureOutputs(of: layer) }
  }

  /// Whether the node can run with values that mean nothing, in a time that is worth it.
  private func canMeasure(_ index: Int) -> Bool {
    let node = costs.run.graph.nodes[index]
    if costs.plan.isFolded(index) || !node.kind.isStandard || costs.operations(index) > Self.limit { return false }
    let values = node.inputs.compactMap { $0 } + node.outputs.compactMap { $0 }
    return values.reduce(0) { $0 + (costs.type($1)?.byteCount ?? 0) } <= Self.mostBytes
  }

  /// Runs a node on a chunk, or puts other tensors in the place of what it would compute.
  private mutating func advance(
    _ network: WritableKeyPath<Self, [ValueTable]>, _ chunk: Int, _ index: Int, runs: Bool
  ) {
    let run = costs.run
    if costs.plan.isFolded(index) { return }
    var table = self[keyPath: network][chunk]
    // No copy is written.
    self[keyPath: network][chunk] = ValueTable()
    defer { self[keyPath: network][chunk] = table }
    if !runs || !canMeasure(index) || !measure(index, &table) {
      for case let output? in run.graph.nodes[index].outputs { table[output] = tensor(of: output) }
    }
    for value in run.liveness.dying(at: index) { table[value] = nil }
  }

  /// A tensor of the value's type; nil if it would be too large.
  private mutating func tensor(of value: ValueID) -> Tensor? {
    guard let type = costs.type(value), type.byteCount <= Self.mostBytes else { return nil }
    if let known = synthetic[type] { return known }
    let tensor = SyntheticTensor.make(type)
    synthetic[type] = tensor
    return tensor
  }

  /// Runs a node and notes what it takes; false if it does not run on such values.
  private mutating func measure(_ index: Int, _ table: inout ValueTable, weights: Weights = Weights()) -> Bool {
    let node = costs.run.graph.nodes[index]
    var lent: [ValueID] = []
    defer { for value in lent { table[value] = nil } }
    for case let value? in node.inputs where table[value] == nil {
      guard let constant = costs.plan.constant(value) else { return false }
      // Small constants say what is to be done.
      if hasWeights || constant.storage.byteCount < 1 << 16 { continue }
      guard let tensor = tensor(of: value) else { return false }
      table[value] = tensor
      lent.append(value)
    }
    let (executor, plan) = (costs.run.executor, costs.plan)
    var copy = table
    table = ValueTable()
    defer { table = copy }
    guard let time = try? ProbeClock.once({ try executor.run([index], plan: plan, weights: weights, table: &copy) })
    else { return false }
    let isNew = met.insert(index).inserted || !weights.replacements.isEmpty
    samples[costs.signature(index), default: ProbeSamples()].add(time, isNew: isNew)
    return true
  }

  // MARK: What is measured of inputs and outputs

  private func columns(_ group: InputGroup, _ table: ValueTable) throws -> InputColumns? {
    guard let tensor = table[group.input] ?? costs.plan.constant(group.input) else { return nil }
    return try InputColumns(group: group, tensors: [tensor])
  }

  private mutating func note(_ key: String, isNew: Bool = false, _ body: () throws -> Void) rethrows {
    let time = try ProbeClock.once(body)
    samples[key, default: ProbeSamples()].add(time, isNew: isNew)
  }

  /// The bounds of a group's inputs, and of their differences.
  private mutating func measureBounds(_ group: InputGroup, _ chunk: Int) throws {
    let key = costs.signature(group)
    guard let own = try columns(group, quantized[chunk]), let other = try columns(group, float[chunk]) else { return }
    // Values that mean nothing may be too large.
    note("bounds \(key)") { _ = try? own.largestSumOfSquares() }
    guard costs.run.correctsDrift else { return }
    note("drift \(key)") { _ = try? other.largestSumOfSquares(ofDifferencesFrom: own) }
  }

  /// X Xᵀ and (X - X̃) X̃ᵀ of the chunks.
  private mutating func measureSums(_ group: InputGroup) throws {
    let key = costs.signature(group)
    let operations = Double(group.columns) * Double(group.columns) * costs.vectors(group) * Double(group.groups)
    guard operations <= Self.limit * Double(costs.batches) else { return }
    let scale = SumScale(bound: 1e6, chunkCount: 1 << 10, columnCount: 1 << 20)
    let sums = HessianSums(group: group, scale: scale)
    let cross =
      costs.run.correctsDrift && 2 * operations <= Self.limit * Double(costs.batches)
      ? CrossSums(group: group, scale: scale) : nil
    for chunk in quantized.indices {
      guard let own = try columns(group, quantized[chunk]), let other = try columns(group, float[chunk]) else { return }
      try note("sums \(key)") { try sums.add(own) }
      guard let cross else { continue }
      try note("cross \(key)") { try cross.add(differences: other.differences(from: own), quantized: own) }
    }
  }

  /// A layer's outputs: their sums by channel, their comparison in two networks, and what new weights take.
  private mutating func measureOutputs(of layer: PlannedLayer) {
    let node = layer.layer.node
    guard canMeasure(node), let output = costs.run.graph.nodes[node].outputs[0] else { return }
    let (key, rows) = (costs.outputSignature(layer.layer), layer.layer.rows)
    for chunk in quantized.indices {
      var (one, same, other) = (quantized[chunk], quantized[chunk], float[chunk])
      guard measure(node, &one), measure(node, &same), measure(node, &other), let result = one[output],
        let sameResult = same[output], let otherResult = other[output]
      else { return }
      note("channels \(key)") {
        _ = ChannelSums(result, channels: rows, channelsFirst: layer.layer.unfolding != nil)
      }
      var sums = HeldOutSums(rows: rows)
      note("comparison \(key)") {
        sums.add(quantized: result, sameInputs: sameResult, floatNetwork: otherResult, layer: layer.layer)
      }
    }
    guard let weight = costs.plan.constant(layer.layer.weight), let first = quantized.first else { return }
    var weights = Weights()
    weights[layer.layer.weight] = Tensor(
      elementType: weight.elementType, shape: weight.shape,
      storage: TensorStorage(byteCount: weight.storage.byteCount) { $0.copyMemory(from: weight.storage.bytes) })
    var table = first
    _ = measure(node, &table, weights: weights)
  }
}
