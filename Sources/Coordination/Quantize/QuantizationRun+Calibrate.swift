import Calibration
import Graphs
import LinearAlgebra
import MPI

extension QuantizationRun {
  /// Forwards this rank's chunks to the inputs of `stage` and adds up the Hessians of its input groups.
  ///
  /// Collective: the ranks agree on the scale of the integer sums (the largest bound over all chunks) and on the
  /// number of columns. The sums themselves stay on this rank.
  mutating func calibrate(
    _ stage: Stage, stageIndex: Int, _ world: borrowing Communicator
  ) throws -> [CalibratedGroup] {
    let (chunks, executor, weights, liveness) = (chunks, executor, weights, liveness)
    let float = floatActivations
    let groups = stage.inputGroups
    let threads = options.threads
    let names = groups.map { layers[$0.layers[0]].layer.name }

    // Each chunk's bounds, of X̃ and of X - X̃, and its number of columns, for every group.
    let facts: [[(bound: Double, drift: Double, columns: Int)]] = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(chunks.count, threads: threads) {
          index throws -> [(bound: Double, drift: Double, columns: Int)] in
          let chunk = chunks[index]
          try chunk.run(stage.nodes, executor: executor, weights: weights, liveness: liveness)
          try float?.advance(chunk: index, toStage: stageIndex, executor: executor)
          return try groups.indices.map { group in
            do {
              let columns = try chunk.columns(for: groups[group])
              let bound = try columns.largestSumOfSquares()
              let drift = try float?.differences(chunk: index, from: columns, group: groups[group])
              return (bound, try drift?.largestSumOfSquares() ?? 0, columns.count)
            } catch let error as HessianError {
              throw CoordinationError.calibration(
                layer: names[group], samples: chunk.describe(error), reason: error.description)
            }
          }
        }
      }
    }
    var bounds =
      groups.indices.map { group in facts.map { $0[group].bound }.max() ?? 0 }
      + groups.indices.map { group in facts.map { $0[group].drift }.max() ?? 0 }
    var counts = groups.indices.map { group in Int64(facts.reduce(0) { $0 + $1[group].columns }) }
    try timer.measure(.reduce) {
      try world.allReduce(&bounds, .maximum, waiting: .polite)
      try world.allReduce(&counts, .sum, waiting: .polite)
    }

    let chunkCount = chunkPartition.chunkCount
    let sums = groups.indices.map { group in
      HessianSums(
        group: groups[group],
        scale: SumScale(bound: bounds[group], chunkCount: chunkCount, columnCount: Int(counts[group])))
    }
    // No drift, no sums: so it is in the first stage.
    let cross = groups.indices.map { group -> CrossSums? in
      let drift = bounds[groups.count + group]
      guard drift > 0 else { return nil }
      return CrossSums(
        group: groups[group],
        scale: SumScale(
          differences: drift, inputs: bounds[group], chunkCount: chunkCount, columnCount: Int(counts[group])))
    }
    try timer.measure(.hessian) {
      _ = try Parallel.map(chunks.count * groups.count, threads: threads) { (index) throws(HessianError) -> Void in
        let (group, chunk) = index.quotientAndRemainder(dividingBy: chunks.count)
        let columns = try chunks[chunk].columns(for: groups[group])
        sums[group].add(columns)
        if let float, let cross = cross[group] {
          cross.add(
            differences: try float.differences(chunk: chunk, from: columns, group: groups[group]), quantized: columns)
        }
      }
    }
    progress.advance(
      by: geometry.work(stage: stage, samples: chunkPartition.samples.count),
      "stage \(stageIndex + 1)/\(stages.count)  \(names[0])")
    return groups.indices.map { group in
      CalibratedGroup(
        group: groups[group], sums: sums[group].take(), scale: sums[group].scale,
        cross: cross[group].map { ($0.take(), $0.scale) }, columnCount: Int(counts[group]),
        isCentered: groups[group].layers.allSatisfy { layers[$0].bias != nil })
    }
  }
}
