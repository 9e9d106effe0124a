import MPI

/// Measures the way between the first and the last rank.
enum NetworkMeasurement {
  /// Bytes per second and the seconds of a small message, each the best of ten; nil for a single rank. Collective.
  ///
  /// Ranks of one node measure shared memory: for a network, start one rank on each of two nodes.
  static func run(_ world: borrowing Communicator) throws -> (rate: Double, latency: Double)? {
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
    return (Double(8 << 20) / max(large - small, 1e-6), max(small / 3, 1e-7))
  }
}
