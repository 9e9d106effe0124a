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
  /// Seconds to open the model and the samples.
  var readSeconds = 0.0
  /// Files of the output.
  var fileCount = 1

  /// What one stage takes.
  struct StageResult {
    /// Seconds of each rank by phase.
    var seconds: [Phase: [Double]] = [:]
    var traffic = FactorTraffic(nodes: 1)
    var reducedBytes = 0
    var gatheredBytes = 0
    /// Bytes that ranks of a node share for sums, and for factors.
    var (sumBytes, factorBytes) = (0, 0)
    /// Seconds to pack the layers' codes, and their bytes.
    var (packSeconds, packedBytes) = (0.0, 0.0)
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
    func everyone(_ seconds: Double) -> [Double] { Array(repeating: seconds, count: layout.ranks) }
    func first(_ seconds: Double) -> [Double] { (0..<layout.ranks).map { $0 == 0 ? seconds : 0 } }
    add(.read, everyone(readSeconds))
    for partition in [run.chunkPartition, run.heldOutPartition] {
      add(.read, chunkCounts(partition, costs).map { $0 * costs.inputs })
    }
    if !run.correctsDrift, run.options.propagation == .quantized, run.layers.contains(where: { $0.bias != nil }) {
      let all = costs.seconds(run.executionOrder)
      add(.forward, calibration.map { $0 * all })
    }
    add(.forward, calibration.map { $0 > 0 ? costs.preparation : 0 })
    add(.hessian, calibration.map { $0 > 0 ? costs.sumPreparation : 0 })
    var (sumWindow, factorWindow, sinceCommit, uncommitted) = (0, 0, 0.0, 0.0)
    let memoryModel = MemoryModel(run, shapes: costs.shapes, nodes: places, threads: threads)
    let tensors = run.bounds.limit == nil ? memoryModel.tensors() : nil
    let heldOutChunks = chunkCounts(run.heldOutPartition, costs)
    for (index, stage) in stages.enumerated() {
      let begin = seconds
      let result: StageResult
      if let same = known[stage.key] {
        result = same
      } else {
        result = self.result(stage, calibration, places)
        known[stage.key] = result
      }
      for phase in Phase.allCases { if let values = result.seconds[phase] { add(phase, values) } }
      // Memory that the system gives for the first time, to the rank with most chunks.
      if let stage = tensors?.stages[index] {
        add(.forward, Self.shares(of: calibration).map { $0 * touchSeconds(stage.fresh, costs) })
        add(.measure, Self.shares(of: heldOutChunks).map { $0 * touchSeconds(stage.freshHeldOut, costs) })
      }
      // Sums of outputs, of each chunk by channel, go to all ranks.
      let outputs = Double(stage.rows * MemoryLayout<Double>.stride)
      if stage.momentCount > 0 {
        let bytes = Double(run.chunkPartition.chunkCount) * 2 * outputs
        add(.reduce, everyone(Double(stage.momentCount) * allGatherSeconds(bytes)))
      }
      if let heldOut = run.heldOutPartition {
        add(.measure, everyone(allGatherSeconds(Double(heldOut.chunkCount) * 2 * outputs)))
      }
      // Memory that ranks of a node share is made anew where it must be larger.
      if result.sumBytes > sumWindow {
        sumWindow = result.sumBytes
        add(.hessian, everyone(Double(sumWindow) / Double(ranksPerNode) / machine.touchRate))
      }
      if result.factorBytes > factorWindow {
        factorWindow = result.factorBytes
        add(.factor, everyone(Double(factorWindow) / Double(ranksPerNode) / machine.touchRate))
      }
      // Agreements on bounds, counts, room, errors, pivots, means.
      seconds += Double(20 + 2 * stage.groups.count) * collectiveLatency
      // Rank 0 packs what is finished, and keeps it on the disk unless it did so just before.
      var commit = result.packSeconds
      uncommitted += result.packedBytes
      sinceCommit += seconds - begin
      if sinceCommit >= LayerStore.patience.seconds {
        commit += 2 * machine.syncSeconds + uncommitted / machine.writeRate
        (sinceCommit, uncommitted) = (0, 0)
      }
      add(.commit, first(commit))
      traffic.bytesSent += result.traffic.bytesSent
      traffic.triangleBytesSent += result.traffic.triangleBytesSent
      traffic.sharedStages += result.traffic.sharedStages
      (reduced, gathered) = (reduced + result.reducedBytes, gathered + result.gatheredBytes)
    }
    let heldOut = heldOutSeconds(costs)
    add(.measure, heldOutChunks.map { $0 * heldOut })
    add(.write, first(Double(writtenBytes) / machine.writeRate + Double(fileCount) * machine.syncSeconds))
    let phases = Phase.allCases.compactMap { phase in totals[phase].map { PhaseTime(phase.rawValue, $0) } }
    let inPhases = phases.reduce(0) { $0 + $1.average }
    let memory = memoryModel.memory(run.bounds, tensors: tensors)
    let nodeMemory = memory.perNode(ranks: ranksPerNode)
    return PlanEntry(
      nodes: layout.nodes, ranks: layout.ranks, threads: threads,
      phases: phases + [PhaseTime("total", [seconds])], slowest: slowest, seconds: seconds,
      uneven: max(0, seconds - inPhases),
      rankMemory: memory.perRank, nodeMemory: nodeMemory, memoryParts: memory.parts,
      fits: nodeMemory <= machine.memory && memory.perRank <= run.bounds.limit ?? .max, factorTraffic: traffic,
      reducedBytes: reduced, gatheredBytes: gathered)
  }

  /// Seconds until memory is there that the system gives; threads share its pages.
  private func touchSeconds(_ fresh: TensorPool.Fresh, _ costs: OperatorCosts) -> Double {
    // Sizes of pages count, not those of tensors.
    let (small, large) = (machine.rate(.touch, columns: 1024), machine.rate(.touch, columns: 8192))
    return (Double(fresh.small) / small + Double(fresh.large) / large) / Double(threads)
  }

  /// `values` as shares of the largest.
  private static func shares(of values: [Double]) -> [Double] {
    let largest = values.max() ?? 0
    return values.map { largest > 0 ? $0 / largest : 0 }
  }

  /// Seconds of a small collective operation.
  var collectiveLatency: Double {
    func steps(_ count: Int) -> Double { Double(Int.bitWidth - (max(count, 1) - 1).leadingZeroBitCount) }
    // A call that does not block takes about three messages for each step.
    return 3 * steps(layout.nodes) * machine.latency + steps(ranksPerNode) * machine.agreement
  }

  /// Seconds until all ranks have so many bytes, of which each has some: in a ring.
  func allGatherSeconds(_ bytes: Double) -> Double {
    if layout.ranks == 1 { return 0 }
    let link = layout.nodes > 1 ? bytes * (1 - 1 / Double(layout.nodes)) / machine.networkRate : 0
    return collectiveLatency + max(machine.copySeconds(bytes), link)
  }

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
    let layers = Dictionary(uniqueKeysWithValues: run.layers.map { ($0.layer.node, $0.layer) })
    return run.executionOrder.reduce(0) { sum, node in
      guard let layer = layers[node] else { return sum + 2 * costs.seconds(node) }
      return sum + 3 * costs.seconds(node) + costs.comparison(layer)
    }
  }
}
