import MPI

/// Measures the way between the first and the last rank.
enum NetworkMeasurement {
  /// What the ranks' network can do.
  struct Result {
    /// Bytes per second.
    var rate: Double
    /// Seconds of a small message.
    var latency: Double
    /// Seconds in which two ranks agree on a number while they wait politely.
    var agreement: Double
  }

  /// Each the best of ten, but for agreements their mean; nil for a single rank. Collective.
  ///
  /// Ranks of one node measure shared memory: for a network, start one rank on each of two nodes.
  static func run(_ world: borrowing Communicator) throws -> Result? {
    if world.size == 1 { return nil }
    func seconds(_ count: Int) throws -> Double {
      var buffer = [UInt8](repeating: 1, count: count)
      var best = Double.infinity
      for _ in 0..<10 {
        try world.barrier()
        let start = ContinuousClock.now
        var span = buffer.mutableSpan
        try world.broadcast(&span, root: 0)
        try world.barrier()
        best = min(best, (ContinuousClock.now - start).seconds)
      }
      return try world.allReduce(best, .maximum)
    }
    let (small, large) = (try seconds(8), try seconds(8 << 20))
    let agreement = try agreement(world)
    return Result(
      rate: Double(8 << 20) / max(large - small, 1e-6), latency: max(small / 3, 1e-7), agreement: agreement)
  }

  /// Seconds of an agreement of two ranks as a run meets it: behind work that took both about as long, with caches full of that.
  private static func agreement(_ world: borrowing Communicator) throws -> Double {
    var memory = [UInt64](repeating: 1, count: 1 << 18)
    var times: [Double] = []
    try world.barrier()
    for _ in 0..<200 {
      for index in memory.indices { memory[index] &+= 3 }
      let worked = ContinuousClock.now
      _ = try world.allReduce(Int64(0), .minimum, waiting: .polite)
      times.append((ContinuousClock.now - worked).seconds)
    }
    let own = times.sorted()[..<180].reduce(0, +) / 180
    let mean = try world.allReduce(own, .sum) / Double(world.size)
    return mean / Double(Int.bitWidth - (world.size - 1).leadingZeroBitCount)
  }
}
