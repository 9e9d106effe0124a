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
    let (chunks, executor, weights, liveness) = (chunks, executor, calibrationWeights, liveness)
    let float = floatActivations
    let groups = stage.inputGroups
    let (bounded, storage, tables) = (bounds, storage, mappedTables)
    let names = groups.map { layers[$0.layers[0]].layer.name }
    let fewest = fewestExpertTokens

    // Each chunk's bounds, of X̃ and of X - X̃, its number of columns, and for an expert those that chose it, for every group.
    let facts: [[(bound: Double, drift: Double, columns: Int, own: Int)]] = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(chunks.count, threads: bounded.threads, atOnce: bounded.forwardChunks) {
          index, workers throws -> [(bound: Double, drift: Double, columns: Int, own: Int)] in
          let chunk = chunks[index]
          defer { for table in tables { table.releasePages() } }
          try Self.forward(
            chunk, index, stage, stageIndex, fewest: fewest, executor, weights, liveness, beside: float,
            workers)
          let facts = try groups.indices.map { group -> (bound: Double, drift: Double, columns: Int, own: Int) in
            do {
              let rows = chunk.expertRows(of: groups[group], includesExtra: true)
              let columns = try chunk.columns(for: groups[group], rows: rows)
              let bound = try columns.largestSumOfSquares(workers: workers)
              let drift = try float?.largestDifference(
                chunk: index, from: columns, group: groups[group], rows: rows, workers: workers)
              let own = rows?.batches.reduce(0) { $0 + $1.ownCount } ?? columns.count
              return (bound, drift ?? 0, columns.count, own)
            } catch let error as HessianError {
              throw CoordinationError.calibration(
                layer: names[group], samples: chunk.describe(error), reason: error.description)
            }
          }
          try storage.putAway(chunk, number: index)
          if let float { try storage.putAway(float.chunks[index], number: index) }
          return facts
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

  /// Brings a chunk to the inputs of a stage, in the float network too if that is there.
  private static func forward(
    _ chunk: Chunk, _ index: Int, _ stage: Stage, _ stageIndex: Int, fewest: Int, _ executor: Executor,
    _ weights: Weights, _ liveness: Liveness, beside float: FloatActivations?, _ workers: Workers
  ) throws(ExecutionError) {
    let extra = ExtraTokens(fewest: (fewest + chunk.batchCount - 1) / chunk.batchCount)
    try chunk.run(
      stage.nodes, executor: executor, weights: weights, liveness: liveness,
      extra: Array(repeating: extra, count: chunk.batchCount), workers: workers)
    try float?.advance(chunk: index, toStage: stageIndex, beside: chunk, executor: executor, workers: workers)
  }

  /// Forwards this rank's chunks to the inputs of a stage that is finished. Collective.
  mutating func forward(toStage stageIndex: Int, _ world: borrowing Communicator) throws {
    let (chunks, executor, weights, liveness) = (chunks, executor, calibrationWeights, liveness)
    let (stage, float, fewest) = (stages[stageIndex], floatActivations, fewestExpertTokens)
    let (storage, tables) = (storage, mappedTables)
    try world.collectively {
      try timer.measure(.forward) {
        _ = try Parallel.map(chunks.count, threads: bounds.threads, atOnce: bounds.forwardChunks) {
          index, workers throws -> Void in
          try Self.forward(
            chunks[index], index, stage, stageIndex, fewest: fewest, executor, weights, liveness, beside: float,
            workers)
          for table in tables { table.releasePages() }
          try storage.putAway(chunks[index], number: index)
          if let float { try storage.putAway(float.chunks[index], number: index) }
        }
      }
    }
    progress.advance(
      by: geometry.work(stage: stage, samples: chunkPartition.samples.count),
      "stage \(stageIndex + 1)/\(stages.count)  from the journal")
  }

  /// Adds up X̃ X̃ᵀ and (X - X̃) X̃ᵀ of the groups over all ranks; the sums of a group end up at its owner.
  ///
  /// Collective. The chunks are at the groups' stage. Some groups at a time, so that only owners hold sums for long.
  ///
  /// - Parameter staysInPlace: whether sums that ranks of a node share may stay where they are, if there is room for all: until they
  ///   are factored, nobody uses that memory.
  func addUp(_ groups: inout [CalibratedGroup], staysInPlace: Bool, _ world: borrowing Communicator) throws {
    var start = 0
    while start < groups.count {
      var (end, bytes) = (start, 0)
      while end < groups.count, end == start || bytes + groups[end].sumBytes <= bounds.sums {
        bytes += groups[end].sumBytes
        end += 1
      }
      try addUp(&groups, start..<end, staysInPlace: staysInPlace, world)
      start = end
    }
  }

  private func addUp(
    _ groups: inout [CalibratedGroup], _ part: Range<Int>, staysInPlace: Bool, _ world: borrowing Communicator
  ) throws {
    let (chunks, float, bounds, storage) = (chunks, floatActivations, bounds, storage)
    let members = Array(groups[part])
    let shared = try NodeSums(members, nodes!, sumMemory, timer, world)
    // Sums that are not shared are new memory, which takes its time.
    let (sums, cross) = timer.measure(.hessian) {
      (
        members.enumerated().map { HessianSums(group: $1.group, scale: $1.scale, memory: shared?.hessian[$0]) },
        members.enumerated().map { index, member in
          member.crossScale.map { CrossSums(group: member.group, scale: $0, memory: shared?.cross[index]) }
        }
      )
    }
    let first = shared?.first ?? 0
    try timer.measure(.hessian) {
      _ = try Parallel.map(chunks.count * members.count, threads: bounds.threads, atOnce: bounds.sumChunks) {
        (index, workers) throws -> Void in
        let (place, chunk) = index.quotientAndRemainder(dividingBy: chunks.count)
        let member = (first + place) % members.count
        let group = members[member].group
        let rows = chunks[chunk].expertRows(of: group, includesExtra: members[member].includesExtra)
        let columns = try chunks[chunk].columns(for: group, rows: rows)
        try sums[member].add(columns, workers: workers)
        if let float, let cross = cross[member] {
          let differences = try float.differences(
            chunk: chunk, from: columns, group: group, rows: rows, workers: workers)
          try cross.add(differences: differences, quantized: columns, workers: workers)
        }
        try storage.putAway(chunks[chunk], number: chunk)
        if let float { try storage.putAway(float.chunks[chunk], number: chunk) }
      }
    }
    // Sleep until all are here; then move the data at full speed, which naps between the pieces would not.
    try world.barrier(waiting: .polite)
    if let shared {
      return try shared.collect(
        &groups[part], sumMemory, staysInPlace: staysInPlace && part == groups.indices, timer, world)
    }
    try timer.measure(.reduce) {
      for (member, index) in part.enumerated() {
        let isOwner = groups[index].owner == world.rank
        var own = sums[member].take()
        try reduce(&own, root: groups[index].owner, world)
        if isOwner { groups[index].sums = ReadStorage(own) }
        guard let cross = cross[member] else { continue }
        var ownCross = cross.take()
        try reduce(&ownCross, root: groups[index].owner, world)
        if isOwner { groups[index].crossSums = ReadStorage(ownCross) }
      }
    }
  }

  /// Adds up sums of all ranks at `root`; with a memory limit some at a time, because a library may hold them twice. Collective.
  private func reduce(_ sums: inout [Int64], root: Int, _ world: borrowing Communicator) throws(MPIError) {
    if world.size == 1 { return }
    let step = bounds.reducedAtOnce / 8
    if sums.count <= step { return try world.reduce(&sums, .sum, root: root) }
    for start in stride(from: 0, to: sums.count, by: step) {
      let range = start..<min(start + step, sums.count)
      var piece = Array(sums[range])
      try world.reduce(&piece, .sum, root: root)
      if world.rank == root { sums.replaceSubrange(range, with: piece) }
    }
  }
}
