import Glibc

/// What a rank does while it waits for others. Corresponds to the choice between `MPI_Wait` and a loop of `MPI_Test`.
public enum Waiting: Sendable {
  /// Waits inside of the library, which spins: the shortest latency, and a busy core. Corresponds to `MPI_Wait`.
  case busy
  /// Asks again and again, with naps that grow to 200 microseconds: for waits that may be long, while another rank or
  /// another thread of this one needs the core. Corresponds to `MPI_Test`.
  case polite
}

/// The naps of one polite wait.
///
/// A nap is an eighth of the time waited so far, so a short wait ends at most an eighth late, and at most 200
/// microseconds, so a long one ends soon after its event.
struct Naps {
  private let start = ContinuousClock.now

  /// Gives the core away until it is time to ask again.
  func next() {
    let waited = ContinuousClock.now - start
    let nap = min(200, waited / .microseconds(8))
    // The kernel rounds a nap up by its timer slack (50 microseconds); below that, offering the core is all it can do.
    if nap < 10 { sched_yield() } else { usleep(UInt32(nap)) }
  }
}
