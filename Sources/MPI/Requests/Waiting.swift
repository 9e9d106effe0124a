import Glibc

/// What a rank does while it waits for others. Corresponds to the choice between `MPI_Wait` and a loop of `MPI_Test`.
public enum Waiting: Sendable {
  /// Waits inside of the library, which spins: the shortest latency, and a busy core. Corresponds to `MPI_Wait`.
  case busy
  /// Asks again and again, with naps that grow to a millisecond: for waits that may be long, while another rank or
  /// another thread of this one needs the core. Corresponds to `MPI_Test`.
  case polite
}

/// The naps of one polite wait.
///
/// A nap is an eighth of the time waited so far, up to 200 microseconds, so a short wait ends at most an eighth late. In a wait of more
/// than 10 milliseconds it grows to a fiftieth, up to a millisecond: asking five times as often costs each waiting rank 6 % of a
/// core, which 14 waiting ranks take from 2 working ones where ranks share cores.
public struct Naps {
  private let start = ContinuousClock.now

  /// The naps of a wait that begins now.
  public init() {}

  /// Gives the core away until it is time to ask again.
  public func next() {
    let nap = Self.microseconds(waited: ContinuousClock.now - start)
    // The kernel rounds a nap up by its timer slack (50 microseconds); below that, offering the core is all it can do.
    if nap < 10 { sched_yield() } else { usleep(UInt32(nap)) }
  }

  /// How long to sleep after having waited so long.
  static func microseconds(waited: Duration) -> Double {
    max(min(200, waited / .microseconds(8)), min(1000, waited / .microseconds(50)))
  }
}
