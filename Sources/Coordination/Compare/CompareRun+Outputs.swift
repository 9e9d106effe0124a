import Calibration
import Graphs
import LinearAlgebra
import MPI

extension CompareRun {
  /// Runs the samples held out through the model with all layers replaced, once per variant, and through the float model;
  /// nil for a source that is no model. Collective.
  ///
  /// Statistics of the chunks are added in chunk order on every rank: the same bits on any ranks.
  mutating func measureOutputs(_ world: borrowing Communicator) throws -> [OutputStatistics]? {
    guard let source = source as? ModelSource, source.sampleCount(.heldOut) > 0 else { return nil }
    let chunks = source.samples(.heldOut, rank: world.rank, size: world.size)
    let threads = options.layers.threads
    // The logits of all tokens would be too many to keep: those of the float model are computed again for each variant.
    let truths = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(source.isLanguageModel ? 0 : chunks.count, threads: threads, atOnce: threads) {
          index, workers throws in
          try source.outputs(chunks[index], weights: Weights(), workers)
        }
      }
    }
    var totals: [OutputStatistics] = []
    for number in variants.indices {
      let weights = replacements(number, source)
      let own = try world.collectively {
        try timer.measure(.forward) {
          try Parallel.map(chunks.count, threads: threads, atOnce: threads) {
            index, workers throws -> OutputStatistics in
            var statistics = OutputStatistics(outputs: source.graph.outputs.count)
            let outputs = try source.outputs(chunks[index], weights: weights, workers)
            let truths =
              try truths.isEmpty ? source.outputs(chunks[index], weights: Weights(), workers) : truths[index]
            for (batch, truth) in zip(outputs, truths) {
              try statistics.add(batch, truth, labels: nil, first: 0, source.graph)
            }
            return statistics
          }
        }
      }
      totals.append(try OutputStatistics.sum(own, outputs: source.graph.outputs.count, world))
      for layer in results[number].indices { results[number][layer].quantized = nil }
    }
    return totals
  }

  /// The weights and biases of a variant.
  private func replacements(_ number: Int, _ source: ModelSource) -> Weights {
    var weights = Weights()
    for (index, layer) in source.layers.enumerated() {
      let quantized = results[number][index].quantized!
      let planned = PlannedLayer(
        layer: layer, scheme: options.scheme(variants[number]), bias: source.bias(index))
      let (original, matrix) = (source.graph.constants[layer.weight]!, quantized.dequantized(planned))
      weights[layer.weight] = Tensor(layer.tensorOrder(matrix), shape: original.shape)
      guard let bias = planned.bias, !quantized.inputMeans.isEmpty else { continue }
      let before = source.graph.constants[bias]!
      let after = quantized.correctedBias(
        planned, bias: before.array(of: Float.self), original: source.matrix(index), dequantized: matrix)
      weights[bias] = Tensor(after, shape: before.shape)
    }
    return weights
  }
}

extension ModelSource {
  /// The model's outputs for samples `range`, batch by batch, with some constants replaced; of a language model with a row per
  /// token.
  fileprivate func outputs(_ range: Range<Int>, weights: Weights, _ workers: Workers) throws -> [[Tensor]] {
    try feed.inputs(for: range).map { inputs in
      let results = try executor.run(inputs: inputs, weights: weights, workers: workers)
      return graph.outputs.map { id in
        let output = results[id]!
        return isLanguageModel ? output.reshaped([output.count / output.shape.last!, output.shape.last!]) : output
      }
    }
  }
}
