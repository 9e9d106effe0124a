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
    let fewest = fewestExpertTokens

    // Each chunk's bounds, of X̃ and of X - X̃, its number of columns, and for an expert those that chose it, for every group.
    let facts: [[(bound: Double, drift: Double, columns: Int, own: Int)]] = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(chunks.count, threads: threads) {
          index throws -> [(bound: Double, drift: Double, columns: Int, own: Int)] in
          let chunk = chunks[index]
          let extra = ExtraTokens(fewest: (fewest + chunk.batchCount - 1) / chunk.batchCount)
          try chunk.run(
            stage.nodes, executor: executor, weights: weights, liveness: liveness,
            extra: Array(repeating: extra, count: chunk.batchCount))
          try float?.advance(chunk: index, toStage: stageIndex, beside: chunk, executor: executor)
          return try groups.indices.map { group in
            do {
              let rows = chunk.expertRows(of: groups[group], includesExtra: true)
              let columns = try chunk.columns(for: groups[group], rows: rows)
              let bound = try columns.largestSumOfSquares()
              let drift = try float?.largestDifference(chunk: index, from: columns, group: groups[group], rows: rows)
              let own = rows?.batches.reduce(0) { $0 + $1.ownCount } ?? columns.count
              return (bound, drift ?? 0, columns.count, own)
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
    var totals =
      groups.indices.map { group in Int64(facts.reduce(0) { $0 + $1[group].columns }) }
      + groups.indices.map { group in Int64(facts.reduce(0) { $0 + $1[group].own }) }
    try timer.measure(.reduce) {
      try world.allReduce(&bounds, .maximum, waiting: .polite)
      try world.allReduce(&totals, .sum, waiting: .polite)
    }
    let includesExtra = groups.indices.map { Int(totals[groups.count + $0]) < leastTokens(of: groups[$0]) }
    let counts = groups.indices.map { totals[includesExtra[$0] ? $0 : groups.count + $0] }
    for (index, group) in groups.enumerated() where group.route != nil {
      let own = Int(totals[groups.count + index])
      for layer in group.layers { expertTokens[layer] = (own, Int(counts[index]) - own) }
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
        let rows = chunks[chunk].expertRows(of: groups[group], includesExtra: includesExtra[group])
        let columns = try chunks[chunk].columns(for: groups[group], rows: rows)
        try sums[group].add(columns)
        if let float, let cross = cross[group] {
          let differences = try float.differences(chunk: chunk, from: columns, group: groups[group], rows: rows)
          try cross.add(differences: differences, quantized: columns)
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
