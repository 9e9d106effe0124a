import Calibration
import Graphs

/// What the tensors of a rank's chunks take while a run goes through its stages: those that wait, and the memory of those that are gone
/// that is kept for others. The same sizes in the same order as in a run, by the rules of `TensorPool`.
struct TensorMemory {
  /// A stage, and the samples held out behind it.
  struct Stage {
    /// Bytes at the end, those that wait for reuse included.
    var resident = 0
    /// The most bytes at a time.
    var peak = 0
    /// Bytes of the samples to calibrate on that the system had to give, in small pages and in large ones.
    var fresh = TensorPool.Fresh()
    /// The same of the samples held out.
    var freshHeldOut = TensorPool.Fresh()
  }

  /// The stages in order.
  private(set) var stages: [Stage] = []

  private let run: QuantizationRun
  private let shapes: ChunkShapes
  private var pool: TensorPool
  /// For each network and chunk the blocks of the values that are there.
  private var tables: [[[ValueID: Int]]]
  private let isLayer: Set<Int>

  /// How many times nodes are gone through at most; with more chunks than that allows, few stand for all.
  private static let mostSteps = 100_000

  /// The memory of a rank with so many chunks to calibrate on and held out.
  init(_ run: QuantizationRun, _ shapes: ChunkShapes, chunks: Int, heldOut: Int) {
    (self.run, self.shapes) = (run, shapes)
    isLayer = Set(run.layers.map(\.layer.node))
    let networks = run.correctsDrift ? 2 : 1
    let all = max(1, (networks * chunks + 2 * heldOut) * shapes.batches * run.executionOrder.count)
    let share = min(1, Double(Self.mostSteps) / Double(all))
    func few(_ count: Int) -> Int {
      count == 0 ? 0 : max(1, Int((Double(count * shapes.batches) * share).rounded()))
    }
    let counts = (few(chunks), few(heldOut))
    // So much stands for one of them.
    let scale = Double(max(1, chunks * shapes.batches)) / Double(max(1, counts.0))
    pool = TensorPool(limit: Int(Double(MemoryPoolRules.limit) / scale))
    tables = Array(repeating: Array(repeating: [:], count: counts.0), count: networks)
    tables += Array(repeating: Array(repeating: [:], count: counts.1), count: 2)
    let float = FloatActivations(
      copying: [], graph: run.graph, stages: run.stages, layers: run.layers,
      measuresOutputs: run.layers.contains { $0.bias != nil })
    for network in tables.indices {
      for chunk in tables[network].indices { give(run.graph.inputs, network, chunk) }
    }
    for index in run.stages.indices { go(through: index, float, networks) }
    stages = stages.map { $0.scaled(by: scale) }
  }

  private mutating func go(through index: Int, _ float: FloatActivations, _ networks: Int) {
    let (stage, before) = (run.stages[index], pool.fresh)
    pool.peak = pool.resident
    let floatLayers = float.layers(ofStage: index)
    let layers = stage.inputGroups.flatMap(\.layers).map { run.layers[$0].layer.node }
    for chunk in tables[0].indices {
      for node in stage.nodes { step(node, 0, chunk, run.liveness) }
      guard networks > 1 else { continue }
      for node in stage.nodes where floatLayers.isEmpty || !isLayer.contains(node) {
        step(node, 1, chunk, float.liveness)
      }
      // Differences of the networks' inputs, one group after the other.
      for group in stage.inputGroups { pool.borrow(byteCount(group.input)) }
    }
    let calibrated = pool.fresh
    for chunk in tables[networks].indices {
      for node in stage.nodes {
        if isLayer.contains(node) { for case let output? in outputs(node) { pool.borrow(byteCount(output)) } }
        step(node, networks, chunk, run.liveness)
        step(node, networks + 1, chunk, run.liveness)
      }
    }
    let measured = pool.fresh
    if networks > 1 {
      for chunk in tables[1].indices { for node in floatLayers { step(node, 1, chunk, float.liveness) } }
    }
    if run.layers.contains(where: { $0.bias != nil }) {
      for _ in tables[0].indices {
        for node in layers { for case let output? in outputs(node) { pool.borrow(byteCount(output)) } }
      }
    }
    stages.append(
      Stage(
        resident: pool.resident, peak: pool.peak, fresh: calibrated - before + (pool.fresh - measured),
        freshHeldOut: measured - calibrated))
  }

  private func outputs(_ node: Int) -> [ValueID?] { shapes.plan.isFolded(node) ? [] : run.graph.nodes[node].outputs }

  /// The bytes of a value of one batch.
  private func byteCount(_ value: ValueID) -> Int { shapes.byteCount(value) / shapes.batches }

  private mutating func give(_ values: [ValueID], _ network: Int, _ chunk: Int) {
    for value in values where byteCount(value) > 0 { tables[network][chunk][value] = pool.take(byteCount(value)) }
  }

  /// Runs a node: its outputs come, and values that nobody reads any more go.
  private mutating func step(_ node: Int, _ network: Int, _ chunk: Int, _ liveness: Liveness) {
    let node = (index: node, kind: run.graph.nodes[node].kind)
    for case let output? in outputs(node.index) {
      let input = run.graph.nodes[node.index].inputs.first.flatMap { $0 }
      if node.kind.sharesStorage, let block = input.flatMap({ tables[network][chunk][$0] }) {
        pool.retain(block)
        tables[network][chunk][output] = block
      } else {
        give([output], network, chunk)
      }
    }
    for value in liveness.dying(at: node.index) {
      if let block = tables[network][chunk].removeValue(forKey: value) { pool.release(block) }
    }
  }
}

extension TensorMemory.Stage {
  fileprivate func scaled(by scale: Double) -> Self {
    func times(_ bytes: Int) -> Int { Int(Double(bytes) * scale) }
    return Self(
      resident: times(resident), peak: times(peak), fresh: fresh.scaled(by: scale),
      freshHeldOut: freshHeldOut.scaled(by: scale))
  }
}

extension OperatorKind {
  /// Whether the output is the first input in another shape, in the same memory.
  fileprivate var sharesStorage: Bool {
    switch self {
    case .reshape, .flatten, .squeeze, .unsqueeze, .identity, .dropout: true
    default: false
    }
  }
}
