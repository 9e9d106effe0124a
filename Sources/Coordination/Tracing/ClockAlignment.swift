import MPI

/// What a rank's clock shows beyond rank 0's at the same moment.
///
/// Clocks begin anywhere. Measured by messages there and
/// back (Cristian, "Probabilistic clock synchronization", 1989): the shortest of several bounds the error by half of its time.
struct ClockAlignment: Sendable, Equatable {
  /// Nanoseconds that this rank's clock is ahead of rank 0's.
  private(set) var offset: Int64 = 0
  /// Half of the shortest round trip in nanoseconds: the offset is not further off.
  private(set) var error: Int64 = 0
  /// When it was measured, nanoseconds of this rank's clock.
  private(set) var time: Int64 = 0

  /// Round trips of one measurement.
  static let roundTrips = 10

  /// Measures one rank after the other against rank 0. Collective.
  init(clock: PhaseTimer, _ world: borrowing Communicator) throws(MPIError) {
    for other in 1..<max(world.size, 1) {
      if world.rank == 0 {
        for _ in 0..<Self.roundTrips {
          var message: [Int64] = [0]
          _ = try world.receive(into: &message, from: other)
          message[0] = clock.now
          try world.send(message.span, to: other)
        }
      } else if world.rank == other {
        var best = Int64.max
        for _ in 0..<Self.roundTrips {
          let begin = clock.now
          var message = [begin]
          try world.send(message.span, to: 0)
          _ = try world.receive(into: &message, from: 0)
          let end = clock.now
          guard end - begin < best else { continue }
          best = end - begin
          offset = begin + (end - begin) / 2 - message[0]
        }
        error = (best + 1) / 2
      }
    }
    time = clock.now
  }
}
