import Calibration
import Graphs
import LinearAlgebra

/// The samples that nothing is fitted to, in the float and in the quantized network, advanced stage by stage beside those that
/// are calibrated on.
struct HeldOutActivations: Sendable {
  /// This rank's chunks in the quantized network.
  let quantized: [Chunk]
  /// The same samples in the float network.
  let float: [Chunk]
  /// Whose rows an expert's values have.
  let routes: [ValueID: ExpertRoute]

  /// Chunks at the model's inputs.
  init(_ chunks: [Chunk], routes: [ValueID: ExpertRoute]) {
    (quantized, float, self.routes) = (chunks, chunks.map { $0.copy() }, routes)
  }

  /// Runs `nodes` in both networks on a chunk and compares the outputs of `layers`, whose nodes are among them: what each loses
  /// on the inputs that it gets, and how far its outputs are from the float network's.
  func advance(
    chunk: Int, _ nodes: [Int], comparing layers: [PlannedLayer], executor: Executor, weights: Weights,
    liveness: Liveness, workers: Workers
  ) throws(ExecutionError) -> [HeldOutSums] {
    let indices = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1.layer.node, $0) })
    var sums = layers.map { HeldOutSums(rows: $0.layer.rows) }
    let (quantizedBatches, floatBatches) = (quantized[chunk].snapshot(), float[chunk].snapshot())
    for (batch, (one, other)) in zip(quantizedBatches, floatBatches).enumerated() {
      let plan = one.plan
      // Values that no layer has touched are the same tensors in both tables, and are computed twice all the same.
      var (float, quantized) = (other.table, one.table)
      for node in nodes {
        guard let index = indices[node], let id = executor.graph.nodes[node].outputs[0] else {
          try executor.run(
            [node], plan: plan, weights: weights, liveness: liveness, workers: workers, table: &quantized)
          // The float network's experts also run on the tokens that choose them in the quantized one.
          let chosen = executor.graph.nodes[node].kind == .expertWeights ? executor.graph.nodes[node].outputs[1] : nil
          let extra = chosen.flatMap { id in quantized[id].map { ExtraTokens(choices: [id: $0]) } }
          try executor.run([node], plan: plan, liveness: liveness, extra: extra, workers: workers, table: &float)
          continue
        }
        var same = quantized
        try executor.run([node], plan: plan, workers: workers, table: &same)
        try executor.run([node], plan: plan, workers: workers, table: &float)
        try executor.run([node], plan: plan, weights: weights, workers: workers, table: &quantized)
        if let sameOutput = same[id], var floatOutput = float[id], let output = quantized[id] {
          if let route = routes[id] {
            floatOutput = ExpertTokens(route, in: float)
              .rows(of: floatOutput, for: ExpertTokens(route, in: quantized))
          }
          sums[index].add(
            quantized: output, sameInputs: sameOutput, floatNetwork: floatOutput, layer: layers[index].layer,
            workers: workers)
        }
        for value in liveness.dying(at: node) { (float[value], quantized[value]) = (nil, nil) }
      }
      self.quantized[chunk].commit(quantized, batch: batch)
      self.float[chunk].commit(float, batch: batch)
    }
    return sums
  }
}
