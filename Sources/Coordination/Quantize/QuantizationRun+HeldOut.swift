import Calibration
import Graphs
import LinearAlgebra
import MPI

extension QuantizationRun {
  /// Reads this rank's chunks of those held out and checks what the first layers read, so that a bad sample stops the run
  /// before any work is lost. Collective.
  mutating func readHeldOut(_ world: borrowing Communicator) throws {
    guard let heldOutPartition else { return }
    let (stage, layers, executor) = (stages[0], layers, executor)
    heldOutChunks = try world.collectively {
      let chunks = try timer.measure(.read) {
        try readChunks(of: heldOutPartition, rank: world.rank)
      }
      _ = try Parallel.map(chunks.count, threads: options.threads) { index throws -> Void in
        try chunks[index].run(stage.nodes, executor: executor, weights: Weights(), liveness: nil)
        for group in stage.inputGroups {
          do {
            _ = try chunks[index].columns(for: group).largestSumOfSquares()
          } catch let error as HessianError {
            throw CoordinationError.calibration(
              layer: layers[group.layers[0]].layer.name, samples: chunks[index].describe(error),
              reason: error.description)
          }
        }
      }
      return chunks
    }
  }

  /// Runs the float and the quantized network side by side on the samples held out and measures every layer: what it
  /// loses on the inputs it gets, and how far its outputs are from the float network's. Nil if nothing is held out, and for
  /// layers that no token reached. An expert is measured on the tokens that choose it in the quantized network.
  ///
  /// Collective, after all layers are quantized. A chunk is dropped when it was measured. Sums are float64 within a
  /// chunk and are added in chunk order on every rank: the same bits on any ranks.
  func measureHeldOut(_ world: borrowing Communicator) throws -> [HeldOutLoss?]? {
    guard heldOutPartition != nil else { return nil }
    let chunks = heldOutChunks
    let order = executionOrder
    let liveness = Liveness(graph: graph, order: order, keep: [])
    let (layers, executor, weights) = (layers, executor, weights)
    let routes = graph.expertRoutes()
    let own = try world.collectively {
      try timer.measure(.measure) {
        try Parallel.map(chunks.count, threads: options.threads) { index throws -> [HeldOutSums] in
          let sums = try chunks[index].compare(
            layers, routes: routes, order: order, executor: executor, weights: weights, liveness: liveness)
          if let layer = sums.firstIndex(where: { !$0.isFinite }) {
            throw CoordinationError.calibration(
              layer: layers[layer].layer.name,
              samples: "samples \(chunks[index].samples.lowerBound) to \(chunks[index].samples.upperBound - 1)",
              reason: "outputs on these held-out samples are NaN or infinite; check the samples and the model")
          }
          return sums
        }
      }
    }
    return try timer.measure(.measure) {
      try layers.indices.map { index in
        let flat = own.flatMap { $0[index].flat }
        let all = try world.allGatherv(flat.span, waiting: .polite)
        var total = HeldOutSums(rows: layers[index].layer.rows)
        for start in stride(from: 0, to: all.elements.count, by: total.width) {
          total.add(flat: all.elements[start..<start + total.width])
        }
        return total.count == 0
          ? nil : HeldOutLoss(total, bias: layers[index].bias == nil ? fixedBias(of: layers[index].layer) : nil)
      }
    }
  }

  /// The bias that the layer's own node adds to its outputs, one per row; zeros where it adds none that is constant.
  private func fixedBias(of layer: Layer) -> [Double] {
    let node = graph.nodes[layer.node]
    guard node.kind != .matMul, node.inputs.count > 2, let bias = node.inputs[2], let tensor = graph.constants[bias],
      tensor.elementType == .float32, tensor.count == layer.rows
    else { return Array(repeating: 0, count: layer.rows) }
    let factor = node.kind == .gemm ? Double(node.float("beta", default: 1)) : 1
    return tensor.array(of: Float.self).map { factor * Double($0) }
  }
}

extension Chunk {
  /// Runs `order` with the model's own weights and with `weights`, and compares the outputs of `layers`.
  fileprivate func compare(
    _ layers: [PlannedLayer], routes: [ValueID: ExpertRoute], order: [Int], executor: Executor, weights: Weights,
    liveness: Liveness
  ) throws(ExecutionError) -> [HeldOutSums] {
    let indices = Dictionary(uniqueKeysWithValues: layers.enumerated().map { ($1.layer.node, $0) })
    var sums = layers.map { HeldOutSums(rows: $0.layer.rows) }
    for batch in snapshot() {
      let plan = batch.plan
      // Values that no layer has touched are the same tensors in both tables, and are computed twice all the same.
      var (float, quantized) = (batch.table, batch.table)
      for node in order {
        guard let index = indices[node], let id = executor.graph.nodes[node].outputs[0] else {
          try executor.run([node], plan: plan, weights: weights, liveness: liveness, table: &quantized)
          // The float network's experts also run on the tokens that choose them in the quantized one.
          let chosen = executor.graph.nodes[node].kind == .expertWeights ? executor.graph.nodes[node].outputs[1] : nil
          let extra = chosen.flatMap { id in quantized[id].map { ExtraTokens(choices: [id: $0]) } }
          try executor.run([node], plan: plan, liveness: liveness, extra: extra, table: &float)
          continue
        }
        var same = quantized
        try executor.run([node], plan: plan, table: &same)
        try executor.run([node], plan: plan, table: &float)
        try executor.run([node], plan: plan, weights: weights, table: &quantized)
        if let sameOutput = same[id], var floatOutput = float[id], let output = quantized[id] {
          if let route = routes[id] {
            floatOutput = ExpertTokens(route, in: float)
              .rows(of: floatOutput, for: ExpertTokens(route, in: quantized))
          }
          sums[index].add(
            quantized: output, sameInputs: sameOutput, floatNetwork: floatOutput, layer: layers[index].layer)
        }
        for value in liveness.dying(at: node) { (float[value], quantized[value]) = (nil, nil) }
      }
    }
    return sums
  }
}
