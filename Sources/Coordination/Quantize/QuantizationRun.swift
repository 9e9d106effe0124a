import Calibration
import Graphs
import LinearAlgebra
import MPI
import Models
import Quantization

/// One quantization of one model: every rank makes one and calls `run` together.
///
/// Rank 0 prints and writes; all ranks hold the small state (the model, the codes of all layers), and each holds the
/// activations of its own chunks.
public struct QuantizationRun {
  let options: QuantizeOptions
  /// What will write the output.
  let writer: any QuantizedModelWriter
  var graph: Graph
  var layers: [PlannedLayer]
  var kept: [KeptWeight]
  let stages: [Stage]
  let feed: SampleFeed
  /// The chunks that are calibrated on.
  let chunkPartition: ChunkPartition
  /// The chunks that nothing is fitted to; nil for none.
  let heldOutPartition: ChunkPartition?
  let executor: Executor
  let geometry: LayerGeometry
  let liveness: Liveness
  var weights = Weights()
  var chunks: [Chunk] = []
  /// This rank's chunks of those held out, in both networks; nil if none are.
  var heldOut: HeldOutActivations?
  /// The float network's activations beside those of `chunks`; nil unless drift is corrected.
  var floatActivations: FloatActivations?
  /// The outputs of the float model, by layer; empty unless outputs are corrected along quantized activations.
  var floatOutputs: [Int: OutputMoments] = [:]
  /// Layers from their factorization until their stage is finished; afterwards rank 0 has them in `store`.
  var quantized: [QuantizedLayer?]
  /// What is known of finished layers.
  var outcomes: [LayerOutcome?]
  /// Where rank 0 keeps finished layers; nil on the other ranks.
  var store: LayerStore?
  /// An end that is rehearsed.
  var rehearsal: JournalRehearsal?
  /// How many stages are finished: their layers are quantized.
  var finishedStages = 0
  /// How many stages have nothing left to do: all samples have gone through their nodes.
  var settledStages = 0
  /// For each constant that layers have as weight, the last stage among whose nodes such a layer is.
  let lastStageOfWeight: [ValueID: Int]
  /// For layers of experts the tokens that they were calibrated on: those that chose the expert, and others.
  var expertTokens: [Int: (own: Int, extra: Int)] = [:]
  /// What each layer loses on the samples held out; nil for those that were not measured.
  var heldOutLosses: [HeldOutLoss?]
  /// How fast the ranks are.
  private(set) var speeds = RankSpeeds(equal: 1)
  /// Which ranks share memory; known once the run has begun.
  var nodes: NodeLayout?
  /// The memory of the node that the factors of a stage are in.
  let factorMemory: LastingWindow
  /// Where the ranks of the node make factors together.
  let factorWorkspace: FactorWorkspace
  /// Who carries factors between nodes.
  let courier: FactorCourier
  /// The memory of the node that sums are added up in.
  let sumMemory: LastingWindow
  /// What the factors cost the network.
  var factorTraffic = FactorTraffic(nodes: 1)
  /// What is done at a time.
  var bounds: MemoryBounds
  /// Where chunks are while no thread works on them.
  var storage = ChunkStorage()
  let timer: PhaseTimer
  /// The clocks of the ranks at the beginning, for a trace.
  private(set) var clocks: ClockAlignment?
  var progress: Progress

  /// Reads model and samples and plans the run. Collective; throws what is wrong with either, on all ranks, before any
  /// work starts.
  public init(_ options: QuantizeOptions, log: RankLog, _ world: borrowing Communicator) throws {
    Parallel.useSingleThreadedLibraries()
    let timer = PhaseTimer(log: log)
    let (model, feed) = try options.calibrationSource.open(timer, world)
    self = try world.collectively {
      try QuantizationRun(options, model, feed, isCoordinator: world.rank == 0, timer)
    }
    let work = stages.reduce(0) { $0 + geometry.work(stage: $1, samples: chunkPartition.samples.count) }
    speeds = try timer.measure(.balance) {
      try RankSpeeds.ofRun(self.options.balance, threads: self.options.threads, work: work, world)
    }
  }

  /// Plans the run of `options` on a model and samples that have been read; what is wrong with them is thrown.
  init(
    _ options: QuantizeOptions, _ model: any SourceModel, _ feed: SampleFeed, isCoordinator: Bool, _ timer: PhaseTimer
  ) throws {
    self.feed = feed
    var graph = try model.graph()
    let options = try options.resolved(for: model, graph)
    self.options = options
    if options.correctsOutputs, options.method.compensates { graph.addMissingBiases() }
    self.graph = graph
    executor = try Executor(graph: graph)
    (layers, kept) = try Self.plan(graph, options)
    writer = try model.writer(
      layers.map { $0.form(node: graph.nodes[$0.layer.node].name) }, options.writing(isCoordinator: isCoordinator))
    stages = Self.stages(of: graph, layers)
    // The layers of the last stage never run, but what they read must live until it is measured.
    let order = Self.executionOrder(stages, layers)
    geometry = try LayerGeometry(
      executor: executor, graph: graph, layers: layers.map(\.layer), feed: feed, order: order)
    let chunkSize = ChunkPartition.chunkSize(
      sampleCount: feed.count, fewestPositions: geometry.fewestPositions,
      activationBytes: geometry.activationBytes, batch: feed.fixedBatch ?? 1)
    (chunkPartition, heldOutPartition) = ChunkPartition(sampleCount: feed.count, chunkSize: chunkSize)
      .holdingOut(options.heldOut)
    liveness = Liveness(graph: graph, order: order, keep: [])
    quantized = Array(repeating: nil, count: layers.count)
    (outcomes, heldOutLosses) = (layers.map { _ in nil }, layers.map { _ in nil })
    lastStageOfWeight = Self.lastStages(stages, layers)
    let work = stages.reduce(0) { [geometry, chunkPartition] in
      $0 + geometry.work(stage: $1, samples: chunkPartition.samples.count)
    }
    progress = Progress(total: work, unit: "GFLOP", enabled: isCoordinator)
    bounds = MemoryBounds(threads: options.threads)
    (self.timer, factorWorkspace, courier) = (timer, FactorWorkspace(), FactorCourier())
    (factorMemory, sumMemory) = (LastingWindow(), LastingWindow())
  }

  /// Quantizes all layers and writes the output. Collective.
  ///
  /// Errors on one rank are thrown on all of them.
  public mutating func run(_ world: borrowing Communicator) throws -> QuantizationReport {
    let nodes = try NodeLayout.ofRun(world)
    (self.nodes, factorTraffic.nodes) = (nodes, nodes.nodes.count)
    try limitMemory(nodes, world)
    if options.trace != nil { clocks = try ClockAlignment(clock: timer, world) }
    chunks = try world.collectively {
      try timer.measure(.read) { try readChunks(of: chunkPartition, rank: world.rank) }
    }
    let checksums = Parallel.map(chunks.count, threads: options.threads) { [chunks] in chunks[$0].checksum }
    let heldOutChecksums = try readHeldOut(world)
    try putAway(world)
    let entries = try openJournal(checksums, heldOut: heldOutChecksums, world)
    if correctsDrift {
      floatActivations = FloatActivations(
        copying: chunks, graph: graph, stages: stages, layers: layers,
        measuresOutputs: layers.contains { $0.bias != nil })
    } else if options.propagation == .quantized {
      try measureFloatOutputs(world)
    }
    for entry in entries { try replay(entry, world) }
    var waiting: [CalibratedGroup] = []
    for index in finishedStages..<stages.count {
      timer.part = "stage \(index + 1)"
      let calibrated = try calibrate(stages[index], stageIndex: index, world)
      try settle(through: index, world)
      trimMemory()
      for wave in waves(of: calibrated, ranks: world.size) {
        var groups = Array(wave)
        let owners = OwnerAssignment.owners(costs: groups.map(\.factorCost), speeds: speeds)
        for index in groups.indices { groups[index].owner = owners[index] }
        try addUp(
          &groups, staysInPlace: sumsStay(groups, bounds), world)
        try trimMemory(nodes)
        switch options.propagation {
        case .quantized:
          try quantize(&groups, world)
          try trimMemory(nodes)
        case .float: waiting += groups
        }
      }
      try advanceFloatLayers(ofStage: index, world)
      if options.propagation == .quantized {
        if !floatOutputs.isEmpty { try correctOutputs(of: stages[index].inputGroups.flatMap(\.layers), world) }
        try finishStages(through: index, world)
      } else if index == stages.count - 1 || waiting.reduce(0, { $0 + $1.sumBytes }) > bounds.wave * world.size {
        // Layers of many stages are partitioned at once, as long as there is memory for their sums.
        timer.part = "stages \(finishedStages + 1) to \(index + 1)"
        try quantize(&waiting, world)
        waiting = []
        try trimMemory(nodes)
        try finishStages(through: index, world)
        try settle(through: index, world)
      }
    }
    try releaseWindows(nodes)
    (chunks, floatActivations) = ([], nil)
    progress.finish()
    timer.part = "held out"
    try settle(through: stages.count, world)
    heldOut = nil
    return try finish(world)
  }

  /// Whether weights are moved against the drift of their inputs.
  var correctsDrift: Bool {
    options.driftCorrection > 0 && options.propagation == .quantized && options.method.compensates
  }

  /// The nodes that layers depend on and the layers themselves, in an order in which they can run.
  var executionOrder: [Int] { Self.executionOrder(stages, layers) }

  /// The weights that samples to calibrate on are forwarded with.
  var calibrationWeights: Weights { options.propagation == .quantized ? weights : Weights() }

  private static func executionOrder(_ stages: [Stage], _ layers: [PlannedLayer]) -> [Int] {
    // The layers of the last stages belong to no stage's nodes if no other layer reads from them.
    let run = stages.flatMap(\.nodes)
    return run + Set(layers.map(\.layer.node)).subtracting(run).sorted()
  }

  /// The layers that no other layer's input depends on: no stage runs them.
  var lastLayers: [Int] { Array(executionOrder.dropFirst(stages.reduce(0) { $0 + $1.nodes.count })) }

  /// For each weight the last stage that runs a layer with it; `stages.count` if a layer is run by none.
  private static func lastStages(_ stages: [Stage], _ layers: [PlannedLayer]) -> [ValueID: Int] {
    let runs = Dictionary(
      uniqueKeysWithValues: stages.enumerated().flatMap { index, stage in stage.nodes.map { ($0, index) } })
    return Dictionary(
      layers.map { ($0.layer.weight, runs[$0.layer.node] ?? stages.count) }, uniquingKeysWith: { max($0, $1) })
  }

  /// What will be done, for the start of the run.
  public var description: [String] {
    let weights = layers.reduce(0) { $0 + $1.layer.rows * $1.layer.columns }
    let bits = Set(layers.map(\.scheme.bits)).sorted().map(String.init).joined(separator: ", ")
    let drawn = options.calibrationSource.drawsFromText ? ", drawn with seed \(options.seed)," : ""
    let unit = sequenceLength.map { "sequences of \($0) tokens\(drawn)" } ?? "samples"
    return [
      "model: \(options.model), \(layers.count) layers in \(stages.count) stages, \(weights) weights to \(bits) bits, "
        + "\(kept.count) kept",
      "output: \(writer.summary), \(options.scheme.description)",
      "calibration: \(chunkPartition.samples.count) \(unit) in \(chunkPartition.chunkCount) chunks of "
        + "\(chunkPartition.chunkSize), \(options.propagation.rawValue) activations; held out: \(heldOutDescription)",
      "method: \(options.method.rawValue), order \(options.orderDescription), grid \(options.grid.rawValue), "
        + "effort \(options.effort.rawValue), computed in \(options.compute.rawValue), damping \(options.damping), drift correction "
        + (correctsDrift ? "\(options.driftCorrection) (activations take twice the memory)" : "off"),
    ] + (speeds.areEqual ? [] : ["speeds of the ranks: \(speeds.text); work is cut by them (--balance)"])
  }

  /// Tokens of a calibration sequence; nil if samples are something else.
  private var sequenceLength: Int? {
    options.isLanguageModel ? feed.samples.sampleShape()?.first : nil
  }

  /// How much is held out, or why nothing is.
  private var heldOutDescription: String {
    if let heldOutPartition { return "\(heldOutPartition.samples.count) samples" }
    if options.heldOut == 0 { return "none, as asked" }
    return "none, since it takes \(ChunkPartition.fewestToHoldOut) chunks; give more samples"
  }

  /// The chunks of `partition` that a rank forwards, at the model's inputs.
  func readChunks(of partition: ChunkPartition, rank: Int) throws -> [Chunk] {
    var plans: [Int: Plan] = [:]
    let replaceable = Set(layers.map(\.layer.weight)).union(layers.compactMap(\.bias))
    return try partition.chunks(ofRank: rank, speeds).map { number in
      let samples = partition.samples(ofChunk: number)
      let batches = try feed.inputs(for: samples).map { inputs in
        let size = feed.fixedBatch ?? samples.count
        let plan =
          try plans[size]
          ?? executor.specialize(inputs: feed.inputTypes(batch: size), replaceable: replaceable)
        plans[size] = plan
        return (inputs: inputs, plan: plan)
      }
      return Chunk(samples: samples, batches: batches)
    }
  }

  /// The groups of a stage in waves that are solved one after the other, so that the memory of a rank is bounded where a
  /// stage has many (experts): in a wave each rank owns groups with sums of about `bounds.wave` bytes, or a few. Layers of a stage do
  /// not depend on each other, so waves change no result.
  func waves(of groups: [CalibratedGroup], ranks: Int) -> [ArraySlice<CalibratedGroup>] {
    let bytes = groups.reduce(0) { $0 + $1.sumBytes }
    let wanted = (bytes + bounds.wave * ranks - 1) / (bounds.wave * ranks)
    // No fewer groups in a wave than ranks: all have something to factor.
    let least = (groups.count + FactorExchange.largestGroupCount - 1) / FactorExchange.largestGroupCount
    let count = max(1, least, min(wanted, groups.count / ranks))
    return (0..<count).map { groups[$0 * groups.count / count..<($0 + 1) * groups.count / count] }
  }

  /// Calibrated input groups to quantized layers: factor, broadcast and solve at once, then gather.
  ///
  /// Takes the sums of the groups: whoever keeps a copy of them keeps the memory.
  private mutating func quantize(_ groups: inout [CalibratedGroup], _ world: borrowing Communicator) throws {
    let members = groups.flatMap(\.group.layers)
    let partition = RowPartition(layers: members.map { layers[$0].shape }, speeds: speeds)
    let rows = try factorAndSolve(&groups, members: members, partition, world)
    try gather(rows, members: members, partition, world)
  }

  /// The layers and what each gets, and the weights that stay float.
  private static func plan(
    _ graph: Graph, _ options: QuantizeOptions
  ) throws -> (layers: [PlannedLayer], kept: [KeptWeight]) {
    let found = graph.layers()
    guard !found.layers.isEmpty else { throw CoordinationError.noLayers(model: options.model) }
    let names = found.layers.map { [$0.name, graph.nodes[$0.node].name] }
    let bits = try LayerRule.bits(names: names, default: options.scheme.bits, rules: options.rules)
    var layers: [PlannedLayer] = []
    var kept = found.kept
    for (layer, bits) in zip(found.layers, bits) {
      guard let bits else {
        kept.append(KeptWeight(name: layer.name, reason: "kept as asked"))
        continue
      }
      let scheme = QuantizationScheme(
        bits: bits, symmetric: options.scheme.symmetric, granularity: options.scheme.granularity,
        scaleType: options.scheme.scaleType)
      let bias = options.correctsOutputs && options.method.compensates ? graph.bias(of: layer) : nil
      layers.append(PlannedLayer(layer: layer, scheme: scheme, bias: bias))
    }
    guard !layers.isEmpty else { throw CoordinationError.noLayers(model: options.model) }
    return (layers, kept)
  }

  /// The stages, without the nodes that no layer's input depends on.
  private static func stages(of graph: Graph, _ layers: [PlannedLayer]) -> [Stage] {
    let stages = graph.stages(of: layers.map(\.layer)).stages
    let needed = graph.ancestors(of: Set(layers.map(\.layer.input)))
    return stages.map { stage in
      Stage(inputGroups: stage.inputGroups, nodes: stage.nodes.filter { needed.contains($0) })
    }
  }
}
