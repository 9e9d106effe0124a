import Calibration
import Graphs

/// The phases of a run in one layout: the partitions are those of a run, work and bytes become seconds by the machine's rates.
///
/// A rank's seconds in a phase are its work over the rates of its threads; a stage's phase lasts as long as its slowest rank.
/// Complexity: O(ranks + tiles) for each different stage, however many are alike.
struct PlanSimulation {
  var run: QuantizationRun
  let machine: Machine
  let layout: PlanOptions.Layout
  let threads: Int
  let stages: [PlannedStage]

  /// What one stage takes.
  struct StageResult {
    /// Seconds of each rank by phase.
    var seconds: [Phase: [Double]] = [:]
    var traffic = FactorTraffic(nodes: 1)
    var reducedBytes = 0
    var gatheredBytes = 0
  }

  var ranksPerNode: Int { (layout.ranks + layout.nodes - 1) / layout.nodes }
  /// The node of each rank; nodes have equal numbers of consecutive ranks, or one fewer.
  func node(of rank: Int) -> Int { rank * layout.nodes / layout.ranks }

  /// The ranks of each node.
  var places: [[Int]] {
    var places = [[Int]](repeating: [], count: layout.nodes)
    for rank in 0..<layout.ranks { places[node(of: rank)].append(rank) }
    return places
  }

  /// For each rank how many times as long as one thread with a chunk its threads take with its chunks.
  func chunkCounts(_ partition: ChunkPartition?, _ costs: OperatorCosts) -> [Double] {
    guard let partition else { return Array(repeating: 0, count: layout.ranks) }
    let full = Double(partition.chunkSize)
    var known: [Int: Double] = [:]
    return (0..<layout.ranks).map { rank in
      let chunks = partition.chunks(ofRank: rank, size: layout.ranks)
      let samples = chunks.reduce(0) { $0 + partition.samples(ofChunk: $1).count }
      if threads == 1 { return Double(samples) / full }
      // Threads take whole chunks; when fewer are left than threads, all share the work inside of these.
      let (rounds, left) = chunks.count.quotientAndRemainder(dividingBy: threads)
      if left == 0 { return Double(rounds) }
      let last = known[left] ?? 1 / costs.speedup(members: Double(threads) / Double(left))
      known[left] = last
      return Double(rounds) + last
    }
  }

  /// The whole run.
  func result(_ costs: OperatorCosts) -> PlanEntry {
    let calibration = chunkCounts(run.chunkPartition, costs)
    let places = places
    var known: [String: StageResult] = [:]
    var totals: [Phase: [Double]] = [:]
    var slowest: [String: Double] = [:]
    var (seconds, reduced, gathered) = (0.0, 0, 0)
    var traffic = FactorTraffic(nodes: layout.nodes)
    func add(_ phase: Phase, _ values: [Double]) {
      var sums = totals[phase] ?? Array(repeating: 0, count: layout.ranks)
      for rank in values.indices { sums[rank] += values[rank] }
      totals[phase] = sums
      seconds += values.max() ?? 0
      slowest[phase.rawValue, default: 0] += values.max() ?? 0
    }
    add(.read, Array(repeating: readSeconds, count: layout.ranks))
    if !run.correctsDrift, run.options.propagation == .quantized, run.layers.contains(where: { $0.bias != nil }) {
      let all = costs.seconds(run.executionOrder)
      add(.forward, calibration.map { $0 * all })
    }
    add(.forward, calibration.map { $0 > 0 ? costs.preparation : 0 })
    for stage in stages {
      let result: StageResult
      if let same = known[stage.key] {
        result = same
      } else {
        result = self.result(stage, calibration, places)
        known[stage.key] = result
      }
      for phase in Phase.allCases { if let values = result.seconds[phase] { add(phase, values) } }
      // Agreements on bounds, counts, errors, pivots.
      seconds += 12 * collectiveLatency
      traffic.bytesSent += result.traffic.bytesSent
      traffic.triangleBytesSent += result.traffic.triangleBytesSent
      traffic.sharedStages += result.traffic.sharedStages
      (reduced, gathered) = (reduced + result.reducedBytes, gathered + result.gatheredBytes)
    }
    let heldOut = heldOutSeconds(costs)
    add(.measure, chunkCounts(run.heldOutPartition, costs).map { $0 * heldOut })
    let write = Double(writtenBytes) / machine.writeRate
    add(.write, (0..<layout.ranks).map { $0 == 0 ? write : 0 })
    let phases = Phase.allCases.compactMap { phase in totals[phase].map { PhaseTime(phase.rawValue, $0) } }
    let inPhases = phases.reduce(0) { $0 + $1.average }
    let memory = self.memory(costs)
    let nodeMemory = memory.perNode(ranks: ranksPerNode)
    return PlanEntry(
      nodes: layout.nodes, ranks: layout.ranks, threads: threads,
      phases: phases + [PhaseTime("total", [seconds])], slowest: slowest, seconds: seconds,
      uneven: max(0, seconds - inPhases),
      rankMemory: memory.perRank, nodeMemory: nodeMemory, memoryParts: memory.parts,
      fits: nodeMemory <= machine.memory && memory.perRank <= run.bounds.limit ?? .max, factorTraffic: traffic,
      reducedBytes: reduced, gatheredBytes: gathered)
  }

  /// What a rank holds within the bounds of the run.
  func memory(_ costs: OperatorCosts) -> RankMemory {
    MemoryModel(run, shapes: costs.shapes, nodes: places, threads: threads).memory(run.bounds)
  }

  /// Seconds of a small collective operation.
  var collectiveLatency: Double {
    func steps(_ count: Int) -> Double { Double(Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount) }
    return steps(layout.nodes) * machine.latency + steps(ranksPerNode) * 5e-7
  }

  private var readSeconds: Double { Double(modelBytes) / machine.readRate }

  /// Bytes of the model's constants.
  var modelBytes: Int { run.graph.constants.values.reduce(0) { $0 + $1.storage.byteCount } }

  private var writtenBytes: Int {
    run.layers.reduce(modelBytes) {
      $0 - run.graph.constants[$1.layer.weight]!.storage.byteCount
        + run.writer.storedByteCount($1.form(node: run.graph.nodes[$1.layer.node].name))
    }
  }

  /// Seconds of a held-out chunk: both networks, layers a third time, and their outputs compared.
  private func heldOutSeconds(_ costs: OperatorCosts) -> Double {
    let isLayer = Set(run.layers.map(\.layer.node))
    return run.executionOrder.reduce(0) { sum, node in
      guard isLayer.contains(node), let output = run.graph.nodes[node].outputs[0] else {
        return sum + 2 * costs.seconds(node)
      }
      return sum + 3 * costs.seconds(node) + costs.pass(output, .comparison)
    }
  }
}
