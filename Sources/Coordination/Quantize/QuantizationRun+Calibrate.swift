import Calibration
import Graphs
import LinearAlgebra
import MPI

extension QuantizationRun {
  /// Forwards this rank's chunks to the inputs of `stage` and finds what sums over the inputs of its groups need to know.
  ///
  /// Collective: the ranks agree on the scale of the integer sums (the largest bound over all chunks) and on the
  /// number of columns.
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
    // A few numbers: what it takes is waiting for the slowest rank.
    try world.allReduce(&bounds, .maximum, waiting: .polite)
    try world.allReduce(&totals, .sum, waiting: .polite)
    let includesExtra = groups.indices.map { Int(totals[groups.count + $0]) < leastTokens(of: groups[$0]) }
    let counts = groups.indices.map { totals[includesExtra[$0] ? $0 : groups.count + $0] }
    for (index, group) in groups.enumerated() where group.route != nil {
      let own = Int(totals[groups.count + index])
      for layer in group.layers { expertTokens[layer] = (own, Int(counts[index]) - own) }
    }

    let chunkCount = chunkPartition.chunkCount
    progress.advance(
      by: geometry.work(stage: stage, samples: chunkPartition.samples.count),
      "stage \(stageIndex + 1)/\(stages.count)  \(names[0])")
    return groups.indices.map { index in
      let (bound, drift, count) = (bounds[index], bounds[groups.count + index], Int(counts[index]))
      return CalibratedGroup(
        group: groups[index], scale: SumScale(bound: bound, chunkCount: chunkCount, columnCount: count),
        // No drift, no sums: so it is in the first stage.
        crossScale: drift > 0
          ? SumScale(differences: drift, inputs: bound, chunkCount: chunkCount, columnCount: count) : nil,
        columnCount: count, includesExtra: includesExtra[index],
        isCentered: groups[index].layers.allSatisfy { layers[$0].bias != nil })
    }
  }

  /// Adds up X̃ X̃ᵀ and (X - X̃) X̃ᵀ of the groups over all ranks; the sums of a group end up at its owner.
  ///
  /// Collective. The chunks are at the groups' stage. Some groups at a time, so that only owners hold sums for long.
  func addUp(_ groups: inout [CalibratedGroup], _ world: borrowing Communicator) throws {
    var start = 0
    while start < groups.count {
      var (end, bytes) = (start, 0)
      while end < groups.count, end == start || bytes + groups[end].sumBytes <= Self.sumLimit {
        bytes += groups[end].sumBytes
        end += 1
      }
      try addUp(&groups, start..<end, world)
      start = end
    }
  }

  /// Bytes of sums that a rank forms at a time.
  private static let sumLimit = 512 << 20

  private func addUp(
    _ groups: inout [CalibratedGroup], _ part: Range<Int>, _ world: borrowing Communicator
  ) throws {
    let (chunks, float, threads) = (chunks, floatActivations, options.threads)
    let members = Array(groups[part])
    let shared = try NodeSums(members, nodes!, sumMemory, timer, world)
    let sums = members.enumerated().map { HessianSums(group: $1.group, scale: $1.scale, memory: shared?.hessian[$0]) }
    let cross = members.enumerated().map { index, member in
      member.crossScale.map { CrossSums(group: member.group, scale: $0, memory: shared?.cross[index]) }
    }
    let first = shared?.first ?? 0
    try timer.measure(.hessian) {
      _ = try Parallel.map(chunks.count * members.count, threads: threads) { (index) throws(HessianError) -> Void in
        let (place, chunk) = index.quotientAndRemainder(dividingBy: chunks.count)
        let member = (first + place) % members.count
        let group = members[member].group
        let rows = chunks[chunk].expertRows(of: group, includesExtra: members[member].includesExtra)
        let columns = try chunks[chunk].columns(for: group, rows: rows)
        try sums[member].add(columns)
        if let float, let cross = cross[member] {
          let differences = try float.differences(chunk: chunk, from: columns, group: group, rows: rows)
          try cross.add(differences: differences, quantized: columns)
        }
      }
    }
    // Sleep until all are here; then move the data at full speed, which naps between the pieces would not.
    try world.barrier(waiting: .polite)
    if let shared { return try shared.collect(&groups[part], sumMemory, timer, world) }
    try timer.measure(.reduce) {
      for (member, index) in part.enumerated() {
        let isOwner = groups[index].owner == world.rank
        var own = sums[member].take()
        try world.reduce(&own, .sum, root: groups[index].owner)
        if isOwner { groups[index].sums = own }
        guard let cross = cross[member] else { continue }
        var ownCross = cross.take()
        try world.reduce(&ownCross, .sum, root: groups[index].owner)
        if isOwner { groups[index].crossSums = ownCross }
      }
    }
  }
}
