import Calibration
import Graphs
import LinearAlgebra
import Models
import Quantization

/// The layers of a model, with their inputs on the activations of the float model.
struct ModelSource: LayerSource {
  let graph: Graph
  let layers: [Layer]
  let stages: [Stage]
  let executor: Executor
  let feed: SampleFeed
  let scaleType: ScaleType
  /// Whether samples are sequences of tokens.
  let isLanguageModel: Bool
  private let path: String
  private let biases: [ValueID?]
  private let liveness: Liveness
  private let parts: [SamplePart: ChunkPartition]
  private var chunks: [SamplePart: [Chunk]] = [:]

  /// Finds the layers of `model`, which is in the form in which it is quantized.
  ///
  /// - Parameter addsBiases: whether layers without a bias get one, as in a quantization that corrects outputs; those of a
  ///   language model do not, and keep those that they have.
  init(_ options: LayerOptions, _ model: any SourceModel, _ feed: SampleFeed, addsBiases: Bool) throws {
    (path, self.feed, isLanguageModel) = (options.model, feed, model.isLanguageModel)
    var graph = try model.graph()
    scaleType = ScaleType(rawValue: try model.scaleType(WritingOptions(path: "")).rawValue)!
    if addsBiases, !model.isLanguageModel { graph.addMissingBiases() }
    executor = try Executor(graph: graph)
    let found = graph.layers().layers
    guard !found.isEmpty else { throw CoordinationError.noLayers(model: options.model) }
    let names = found.map { [$0.name, graph.nodes[$0.node].name] }
    let layers = try options.chosen(names: names).map { found[$0] }
    self.layers = layers
    self.graph = graph
    biases = layers.map { model.isLanguageModel ? nil : graph.bias(of: $0) }
    let needed = graph.ancestors(of: Set(layers.map(\.input)))
    stages = graph.stages(of: layers).stages.map { stage in
      Stage(inputGroups: stage.inputGroups, nodes: stage.nodes.filter { needed.contains($0) })
    }
    // The layers of the last stage never run, but what they read must live until it is measured.
    let run = stages.flatMap(\.nodes)
    let order = run + Set(layers.map(\.node)).subtracting(run).sorted()
    liveness = Liveness(graph: graph, order: order, keep: [])
    let batch = feed.fixedBatch ?? 1
    guard let split = SamplePart.split(count: feed.count, share: options.heldOut, batch: batch) else {
      throw CoordinationError.samplesDoNotFit(
        path: options.calibration ?? path,
        reason: "\(feed.count) samples are too few to hold out a share of \(options.heldOut)")
    }
    let geometry = try LayerGeometry(executor: executor, graph: graph, layers: layers, feed: feed, order: order)
    let size = ChunkPartition.chunkSize(
      sampleCount: split.calibration.count, fewestPositions: geometry.fewestPositions,
      activationBytes: geometry.activationBytes, batch: batch)
    parts = [SamplePart.calibration: split.calibration, .heldOut: split.heldOut].compactMapValues { samples in
      samples.isEmpty ? nil : ChunkPartition(samples: samples, chunkSize: size)
    }
  }

  /// Tokens of a sequence of a language model; 1 for other samples.
  var positions: Int { isLanguageModel ? feed.samples.sampleShape()?.first ?? 1 : 1 }

  var description: [String] {
    let weights = layers.reduce(0) { $0 + $1.rows * $1.columns }
    var lines = ["model: \(path), \(layers.count) layers in \(stages.count) stages, \(weights) weights"]
    let unit = isLanguageModel ? "sequences of \(positions) tokens" : "samples"
    lines.append(
      "\(unit): \(sampleCount(.calibration)) for calibration, \(sampleCount(.heldOut)) held out, float activations")
    return lines
  }

  func sampleCount(_ part: SamplePart) -> Int { parts[part]?.samples.count ?? 0 }

  func chunkCount(_ part: SamplePart) -> Int { parts[part]?.chunkCount ?? 0 }

  func ownChunkCount(_ part: SamplePart) -> Int { chunks[part]?.count ?? 0 }

  func hasBias(_ layer: Int) -> Bool { biases[layer] != nil }

  func matrix(_ layer: Int) -> [Float] { layers[layer].matrix(from: graph.constants[layers[layer].weight]!) }

  /// The constant that holds a layer's bias, if it may change.
  func bias(_ layer: Int) -> ValueID? { biases[layer] }

  /// The samples of the chunks of `part` that `rank` of `size` ranks has.
  func samples(_ part: SamplePart, rank: Int, size: Int) -> [Range<Int>] {
    guard let partition = parts[part] else { return [] }
    return partition.chunks(ofRank: rank, size: size).map { partition.samples(ofChunk: $0) }
  }

  mutating func open(rank: Int, size: Int) throws {
    var plans: [Int: Plan] = [:]
    for part in SamplePart.allCases {
      chunks[part] = try samples(part, rank: rank, size: size).map { samples in
        let batches = try feed.inputs(for: samples).map { inputs in
          let batch = feed.fixedBatch ?? samples.count
          let plan = try plans[batch] ?? executor.specialize(inputs: feed.inputTypes(batch: batch))
          plans[batch] = plan
          return (inputs: inputs, plan: plan)
        }
        return Chunk(samples: samples, batches: batches)
      }
    }
  }

  func advance(to stage: Int, _ part: SamplePart, threads: Int) throws {
    let chunks = chunks[part] ?? []
    _ = try Parallel.map(chunks.count, threads: threads, atOnce: threads) {
      (index, workers) throws(ExecutionError) -> Void in
      try chunks[index].run(
        stages[stage].nodes, executor: executor, weights: Weights(), liveness: liveness, workers: workers)
    }
  }

  func columns(of group: InputGroup, chunk: Int, _ part: SamplePart) throws(HessianError) -> InputColumns {
    try chunks[part]![chunk].columns(for: group)
  }

  func describe(_ error: HessianError, in group: InputGroup, chunk: Int, _ part: SamplePart) -> String {
    chunks[part]![chunk].describe(error)
  }
}
