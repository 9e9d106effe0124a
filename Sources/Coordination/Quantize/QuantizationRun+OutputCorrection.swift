import Calibration
import Graphs
import LinearAlgebra
import MPI

extension QuantizationRun {
  /// Measures the outputs of all layers whose bias may change with the model's own weights: what they are corrected to.
  /// Collective; `chunks` stay as they are.
  mutating func measureFloatOutputs(_ world: borrowing Communicator) throws {
    let measured = layers.indices.filter { layers[$0].bias != nil }
    if measured.isEmpty { return }
    let run = stages.flatMap(\.nodes)
    let last = Set(measured.map { layers[$0].layer.node }).subtracting(run).sorted()
    let keep = Set(last.compactMap { graph.nodes[$0].outputs[0] })
    let order = run + last
    floatOutputs = try outputMoments(
      of: measured, on: chunks, order: order, weights: Weights(),
      liveness: Liveness(graph: graph, order: order, keep: keep), world)
  }

  /// Runs the layers of stage `index` in the float network, whose inputs have been read, and measures their outputs if
  /// these are to be corrected. Collective.
  ///
  /// - Parameter measures: whether the outputs are still needed: not of a stage that is finished.
  mutating func advanceFloatLayers(ofStage index: Int, measures: Bool = true, _ world: borrowing Communicator) throws {
    guard let floatActivations, !floatActivations.layers(ofStage: index).isEmpty else { return }
    let members = stages[index].inputGroups.flatMap(\.layers)
    let moments = try outputMoments(
      of: measures ? members.filter { layers[$0].bias != nil } : [], on: floatActivations.chunks,
      order: floatActivations.layers(ofStage: index), weights: Weights(), liveness: floatActivations.liveness,
      keepsTables: true, world)
    floatOutputs.merge(moments) { _, new in new }
  }

  /// Corrects scales and biases of layers just quantized, so that each channel has the float model's mean and deviation on
  /// the calibration samples (DESIGN 2.9; the statistics correction of OBC). Collective.
  ///
  /// The codes stay. With one scale for a whole tensor only the means are corrected.
  mutating func correctOutputs(of members: [Int], _ world: borrowing Communicator) throws {
    let measured = members.filter { floatOutputs[$0] != nil }
    let nodes = measured.map { layers[$0].layer.node }.sorted()
    let outputs = try outputMoments(
      of: measured, on: chunks, order: nodes, weights: weights, liveness: nil, world)
    timer.measure(.replace) {
      for member in measured {
        let (planned, now, target) = (layers[member], outputs[member]!, floatOutputs[member]!)
        let scalesRows = planned.scheme.granularity != .tensor
        let factors = scalesRows ? now.factors(to: target) : now.mean.map { _ in 1 }
        quantized[member]!.scaleRows(by: factors)
        let bias = weights[planned.bias!] ?? graph.constants[planned.bias!]!
        // mean' = factor * (mean - bias) + bias'
        let corrected = bias.array(of: Float.self).enumerated().map { row, before in
          Float(target.mean[row] - factors[row] * (now.mean[row] - Double(before)))
        }
        weights[planned.bias!] = Tensor(corrected, shape: bias.shape)
        weights[planned.layer.weight] = replacement(of: planned.layer, by: quantized[member]!.dequantized(planned))
      }
    }
  }

  /// Runs `order` on copies of the tables of all chunks (which replace them if `keepsTables`) and measures the outputs of
  /// the layers `measured`. Collective.
  ///
  /// Sums are float64 within a chunk, and are added in chunk order on every rank: the same bits on any ranks.
  private func outputMoments(
    of measured: [Int], on chunks: [Chunk], order: [Int], weights: Weights, liveness: Liveness?,
    keepsTables: Bool = false, _ world: borrowing Communicator
  ) throws -> [Int: OutputMoments] {
    let (executor, layers, storage) = (executor, layers, storage)
    let byNode = Dictionary(uniqueKeysWithValues: measured.map { (layers[$0].layer.node, layers[$0].layer) })
    let own = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(chunks.count, threads: bounds.threads, atOnce: bounds.forwardChunks) {
          index, workers throws -> [Int: [Double]] in
          let sums = try chunks[index].outputSums(
            of: byNode, order: order, executor: executor, weights: weights, liveness: liveness,
            keepsTables: keepsTables, workers: workers)
          try storage.putAway(chunks[index], number: index)
          return sums
        }
      }
    }
    let flat = own.flatMap { sums in measured.flatMap { sums[layers[$0].layer.node]! } }
    let all = try timer.measure(.reduce) { try world.allGatherv(flat.span, waiting: .polite) }
    var totals = measured.map { [Double](repeating: 0, count: 2 * layers[$0].layer.rows + 1) }
    var next = 0
    while next < all.elements.count, !totals.isEmpty {
      for index in totals.indices {
        for position in totals[index].indices { totals[index][position] += all.elements[next + position] }
        next += totals[index].count
      }
    }
    return Dictionary(
      uniqueKeysWithValues: zip(measured, totals).map { member, sums in
        let rows = layers[member].layer.rows
        return (member, OutputMoments(sums: sums[..<rows], squares: sums[rows..<2 * rows], count: sums[2 * rows]))
      })
  }
}

extension Chunk {
  /// For each layer (by node) the sums of its output channels over the chunk, the sums of their squares, and the number of
  /// outputs of a channel. Runs `order` on copies of the chunk's tables, which replace them if `keepsTables`.
  fileprivate func outputSums(
    of layers: [Int: Layer], order: [Int], executor: Executor, weights: Weights, liveness: Liveness?, keepsTables: Bool,
    workers: Workers
  ) throws(ExecutionError) -> [Int: [Double]] {
    var sums: [Int: [Double]] = layers.mapValues { Array(repeating: 0, count: 2 * $0.rows + 1) }
    for (index, batch) in snapshot().enumerated() {
      var table = batch.table
      for node in order {
        try executor.run(
          [node], plan: batch.plan, weights: weights, liveness: liveness, workers: workers, table: &table)
        guard let layer = layers[node], let id = executor.graph.nodes[node].outputs[0], let output = table[id]
        else { continue }
        let channels = ChannelSums(
          output, channels: layer.rows, channelsFirst: layer.unfolding != nil, workers: workers)
        for row in 0..<layer.rows {
          sums[node]![row] += channels.sums[row]
          sums[node]![layer.rows + row] += channels.squares[row]
        }
        sums[node]![2 * layer.rows] += Double(output.count / layer.rows)
        if liveness == nil { table[id] = nil }
      }
      if keepsTables { commit(table, batch: index) }
    }
    return sums
  }
}
