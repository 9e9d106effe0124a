import MPI

/// How much of the time in which factors were on their way the ranks computed: what is hidden costs nothing.
public struct TransferOverlap: Codable, Sendable, Equatable {
  /// Seconds in which something was on its way through a rank, in the mean of the ranks.
  public var seconds: Double
  /// Of these, seconds in which the rank computed.
  public var hidden: Double

  /// What the spans of one rank come to, in their unit.
  ///
  /// - Parameters:
  ///   - transfers: beginnings and ends; they may overlap.
  ///   - computing: the same of the phases that compute, in the order of time, none within another.
  static func spans<Time: Comparable & AdditiveArithmetic>(
    _ transfers: [(Time, Time)], _ computing: [(Time, Time)]
  ) -> (total: Time, hidden: Time) {
    var merged: [(Time, Time)] = []
    for span in transfers.sorted(by: { $0.0 < $1.0 }) {
      if let last = merged.last, span.0 <= last.1 {
        merged[merged.count - 1].1 = max(last.1, span.1)
      } else {
        merged.append(span)
      }
    }
    var (total, hidden, next) = (Time.zero, Time.zero, 0)
    for span in merged {
      total += span.1 - span.0
      while next < computing.count, computing[next].1 <= span.0 { next += 1 }
      for phase in computing[next...] {
        if phase.0 >= span.1 { break }
        hidden += min(phase.1, span.1) - max(phase.0, span.0)
      }
    }
    return (total, hidden)
  }

  /// The mean of ranks' spans, in seconds; nil if nothing was on its way.
  init?(means ranks: [(total: Double, hidden: Double)]) {
    let count = Double(max(ranks.count, 1))
    seconds = ranks.reduce(0) { $0 + $1.total } / count
    hidden = ranks.reduce(0) { $0 + $1.hidden } / count
    if seconds == 0 { return nil }
  }

  /// Of all ranks of a run. Collective; the same on every rank.
  static func ofRun(_ timer: PhaseTimer, _ world: borrowing Communicator) throws(MPIError) -> TransferOverlap? {
    let (total, hidden) = spans(
      timer.transfers.map { ($0.start, $0.start + $0.duration) },
      timer.events.filter(\.phase.isUseful).map { ($0.start, $0.start + $0.duration) })
    let all = try world.allGather([Double(total) / 1e9, Double(hidden) / 1e9].span)
    return TransferOverlap(means: (0..<world.size).map { (all[2 * $0], all[2 * $0 + 1]) })
  }

  /// One line for people.
  var text: String {
    let share = Int((100 * hidden / seconds).rounded())
    let time = (seconds * 1000).rounded() / 1000
    return "factors were on their way through a rank for \(time) s in the mean, \(share) % of it while it computed"
  }
}
