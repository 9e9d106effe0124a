import MPI

/// Adds up the wall time of this rank by phase; used by the rank's main thread only.
final class PhaseTimer {
  private(set) var seconds: [Phase: Double] = [:]
  private let start = ContinuousClock.now
  private let log: RankLog?

  /// A timer that also writes each measurement to `log`.
  init(log: RankLog? = nil) { self.log = log }

  /// Runs `body` and adds its time to `phase`.
  func measure<R, E: Error>(_ phase: Phase, _ body: () throws(E) -> R) throws(E) -> R {
    let begin = ContinuousClock.now
    defer {
      let time = (ContinuousClock.now - begin).seconds
      seconds[phase, default: 0] += time
      log?.write("\(phase.rawValue) took \(time) s")
    }
    return try body()
  }

  /// Adds time that was measured elsewhere.
  func add(_ phase: Phase, _ time: Double) { seconds[phase, default: 0] += time }

  /// Seconds since this timer was made.
  var elapsed: Double { (ContinuousClock.now - start).seconds }

  /// Gathers all ranks' times. Collective; the result is the same on every rank.
  func summary(_ world: borrowing Communicator) throws(MPIError) -> [PhaseTime] {
    let own = Phase.allCases.map { seconds[$0] ?? 0 } + [elapsed]
    let all = try world.allGather(own.span)
    let (phases, size) = (own.count, world.size)
    return (Phase.allCases.map(\.rawValue) + ["total"]).enumerated().map { index, name in
      let times = (0..<size).map { all[$0 * phases + index] }
      return PhaseTime(
        phase: name, minimum: times.min()!, average: times.reduce(0, +) / Double(size), maximum: times.max()!)
    }
  }
}

/// The time of one phase over the ranks, in seconds.
public struct PhaseTime: Sendable, Codable {
  /// A `Phase`, or "total" for the whole run.
  public var phase: String
  /// The fastest rank's seconds.
  public var minimum: Double
  /// The mean over ranks.
  public var average: Double
  /// The slowest rank's seconds.
  public var maximum: Double
}

extension Duration {
  /// The duration as a floating-point number of seconds.
  var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
