import Calibration
import Graphs
import LinearAlgebra
import MPI

extension QuantizationRun {
  /// Reads this rank's chunks of those held out and checks what the first layers read, so that a bad sample stops the run
  /// before any work is lost. Collective.
  ///
  /// Returns the checksums of the rank's chunks.
  mutating func readHeldOut(_ world: borrowing Communicator) throws -> [UInt64] {
    guard let heldOutPartition else { return [] }
    let (stage, layers, executor, liveness) = (stages[0], layers, executor, liveness)
    let (chunks, checksums) = try world.collectively {
      let chunks = try timer.measure(.read) {
        try readChunks(of: heldOutPartition, rank: world.rank)
      }
      let checksums = Parallel.map(chunks.count, threads: options.threads) { chunks[$0].checksum }
      _ = try Parallel.map(chunks.count, threads: options.threads, atOnce: bounds.forwardChunks) {
        index, workers throws -> Void in
        let chunk = chunks[index].copy()
        try chunk.run(stage.nodes, executor: executor, weights: Weights(), liveness: liveness, workers: workers)
        for group in stage.inputGroups {
          do {
            _ = try chunk.columns(for: group).largestSumOfSquares(workers: workers)
          } catch let error as HessianError {
            throw CoordinationError.calibration(
              layer: layers[group.layers[0]].layer.name, samples: chunk.describe(error), reason: error.description)
          }
        }
      }
      return (chunks, checksums)
    }
    heldOut = HeldOutActivations(chunks, routes: graph.expertRoutes())
    return checksums
  }

  /// Runs `nodes` in the float and in the quantized network, side by side, on the samples held out, and measures the layers
  /// among them: what each loses on the inputs it gets, and how far its outputs are from the float network's. Layers that no
  /// token reached have no loss. An expert is measured on the tokens that choose it in the quantized network.
  ///
  /// Collective; these layers are quantized. Sums are float64 within a chunk and are added in chunk order on every rank: the
  /// same bits on any ranks.
  mutating func advanceHeldOut(_ nodes: [Int], _ world: borrowing Communicator) throws {
    guard let heldOut, !nodes.isEmpty else { return }
    let run = Set(nodes)
    let numbers = layers.indices.filter { run.contains(layers[$0].layer.node) }
    let measured = numbers.map { layers[$0] }
    let (executor, weights, liveness, storage, tables) = (executor, weights, liveness, storage, mappedTables)
    let first = chunks.count
    let own = try world.collectively {
      try timer.measure(.measure) {
        try Parallel.map(heldOut.quantized.count, threads: bounds.threads, atOnce: bounds.forwardChunks) {
          index, workers throws -> [HeldOutSums] in
          let sums = try heldOut.advance(
            chunk: index, nodes, comparing: measured, executor: executor, weights: weights, liveness: liveness,
            workers: workers)
          if let layer = sums.firstIndex(where: { !$0.isFinite }) {
            let samples = heldOut.quantized[index].samples
            throw CoordinationError.calibration(
              layer: measured[layer].layer.name, samples: "samples \(samples.lowerBound) to \(samples.upperBound - 1)",
              reason: "outputs on these held-out samples are NaN or infinite; check the samples and the model")
          }
          for table in tables { table.releasePages() }
          try storage.putAway(heldOut.quantized[index], number: first + index)
          try storage.putAway(heldOut.float[index], number: first + index)
          return sums
        }
      }
    }
    if measured.isEmpty { return }
    try timer.measure(.measure) {
      let flat = own.flatMap { $0.flatMap(\.flat) }
      let all = try world.allGatherv(flat.span, waiting: .polite).elements
      var totals = measured.map { HeldOutSums(rows: $0.layer.rows) }
      var start = 0
      while start < all.count {
        for index in totals.indices {
          let width = totals[index].width
          totals[index].add(flat: all[start..<start + width])
          start += width
        }
      }
      for (number, total) in zip(numbers, totals) where total.count > 0 {
        let layer = layers[number]
        heldOutLosses[number] = HeldOutLoss(total, bias: layer.bias == nil ? fixedBias(of: layer.layer) : nil)
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
