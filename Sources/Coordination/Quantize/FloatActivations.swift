import Calibration
import Graphs
import LinearAlgebra

/// The activations of the float network, kept beside those of the quantized one and advanced with it stage by stage.
///
/// They hold what the quantized network's chunks hold, so a rank's activations take twice the memory.
struct FloatActivations: Sendable {
  /// One for each of the rank's chunks, with the same samples.
  let chunks: [Chunk]
  /// When a value is read for the last time in this order.
  let liveness: Liveness
  /// For each stage the nodes that bring the chunks to its inputs.
  private let nodesBefore: [[Int]]
  /// For each stage its layers' nodes if their outputs are measured: they run at the end of their own stage, are measured
  /// there and read by later stages. Without measuring they run with the nodes of the next stage, so that a chunk's outputs
  /// are not kept while others are computed.
  private let layerNodes: [[Int]]

  /// Copies of `chunks`, which are at the model's inputs; copies share their tensors.
  init(
    copying chunks: [Chunk], graph: Graph, stages: [Stage], layers: [PlannedLayer], measuresOutputs: Bool
  ) {
    self.chunks = chunks.map { $0.copy() }
    guard measuresOutputs else {
      nodesBefore = stages.map(\.nodes)
      layerNodes = stages.map { _ in [] }
      // The inputs of the last stage are read when their nodes have run.
      liveness = Liveness(
        graph: graph, order: stages.flatMap(\.nodes), keep: Set(stages.last?.inputGroups.map(\.input) ?? []))
      return
    }
    let isLayer = Set(layers.map(\.layer.node))
    let nodesBefore = stages.map { $0.nodes.filter { !isLayer.contains($0) } }
    let layerNodes = stages.map { stage in stage.inputGroups.flatMap(\.layers).map { layers[$0].layer.node }.sorted() }
    let order = zip(nodesBefore, layerNodes).flatMap { $0 + $1 }
    let read = Set(order.flatMap { graph.nodes[$0].inputs.compactMap { $0 } })
    // What nobody reads is measured after it was written, so it must not die at once.
    let unread = Set(isLayer.compactMap { graph.nodes[$0].outputs[0] }).subtracting(read)
    liveness = Liveness(graph: graph, order: order, keep: unread)
    (self.nodesBefore, self.layerNodes) = (nodesBefore, layerNodes)
  }

  /// Brings a chunk to the inputs of stage `stage`; its stages before have run, layers and all.
  ///
  /// Experts also run on the tokens that choose them in `quantized`, the same samples at the same stage: the two networks
  /// need not choose alike, and differences are between inputs of the same tokens. The network's outputs stay its own.
  func advance(
    chunk: Int, toStage stage: Int, beside quantized: Chunk, executor: Executor, workers: Workers
  ) throws(ExecutionError) {
    try chunks[chunk].run(
      nodesBefore[stage], executor: executor, weights: Weights(), liveness: liveness,
      extra: quantized.choices(executor.choices), workers: workers)
  }

  /// What `group` reads in the float network beyond what it reads in the quantized one: the columns of X - X̃ of a chunk.
  func differences(
    chunk: Int, from quantized: InputColumns, group: InputGroup, rows: ExpertRows?, workers: Workers
  ) throws(HessianError) -> InputColumns {
    try chunks[chunk].columns(for: group, rows: rows).differences(from: quantized, workers: workers)
  }

  /// A bound of the elements of D Dᵀ of these differences D, see `InputColumns.largestSumOfSquares`.
  func largestDifference(
    chunk: Int, from quantized: InputColumns, group: InputGroup, rows: ExpertRows?, workers: Workers
  ) throws(HessianError) -> Double {
    try chunks[chunk].columns(for: group, rows: rows)
      .largestSumOfSquares(ofDifferencesFrom: quantized, workers: workers)
  }

  /// The nodes of the stage's layers, to be run once its inputs were read.
  func layers(ofStage stage: Int) -> [Int] { layerNodes[stage] }
}
