import Calibration
import Graphs
import LinearAlgebra
import MPI

/// First and second moments of what the input groups of a stage read in one part of the samples; the same on every rank.
struct StageMoments: Sendable {
  /// By group, by Hessian.
  let groups: [[InputMoments]]

  /// Forwards this rank's chunks to the stage and adds up over all ranks. Collective.
  ///
  /// Sums are integers, so the moments do not depend on the number of ranks.
  init(
    _ source: any LayerSource, stage: Int, _ part: SamplePart, threads: Int, timer: PhaseTimer,
    _ world: borrowing Communicator
  ) throws {
    let groups = source.stages[stage].inputGroups
    let own = source.ownChunkCount(part)
    let facts: [[(bound: Double, columns: Int)]] = try world.collectively {
      try timer.measure(.forward) {
        try source.advance(to: stage, part, threads: threads)
        return try Parallel.map(own, threads: threads, atOnce: threads) {
          chunk, workers throws -> [(bound: Double, columns: Int)] in
          try groups.map { group in
            do {
              let columns = try source.columns(of: group, chunk: chunk, part)
              return (try columns.largestSumOfSquares(workers: workers), columns.count)
            } catch let error as HessianError {
              throw CoordinationError.calibration(
                layer: source.layers[group.layers[0]].name,
                samples: source.describe(error, in: group, chunk: chunk, part),
                reason: error.description)
            }
          }
        }
      }
    }
    var bounds = groups.indices.map { group in facts.map { $0[group].bound }.max() ?? 0 }
    var counts = groups.indices.map { group in Int64(facts.reduce(0) { $0 + $1[group].columns }) }
    try timer.measure(.reduce) {
      try world.allReduce(&bounds, .maximum, waiting: .polite)
      try world.allReduce(&counts, .sum, waiting: .polite)
    }
    let chunkCount = source.chunkCount(part)
    let sums = groups.indices.map { group in
      HessianSums(
        group: groups[group],
        scale: SumScale(bound: bounds[group], chunkCount: chunkCount, columnCount: Int(counts[group])))
    }
    try timer.measure(.hessian) {
      _ = try Parallel.map(own * groups.count, threads: threads, atOnce: threads) {
        (index, workers) throws(HessianError) -> Void in
        let (group, chunk) = index.quotientAndRemainder(dividingBy: own)
        try sums[group].add(source.columns(of: groups[group], chunk: chunk, part), workers: workers)
      }
    }
    self.groups = try groups.indices.map { group in
      var total = sums[group].take()
      try timer.measure(.reduce) {
        try world.barrier(waiting: .polite)
        try world.allReduce(&total, .sum)
      }
      return InputMoments.moments(
        of: groups[group], sums: total, scale: sums[group].scale, columnCount: Int(counts[group]))
    }
  }
}
