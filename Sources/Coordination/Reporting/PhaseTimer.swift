import Foundation
import MPI

/// Records when this rank was in which phase; used by the rank's main thread only.
///
/// With `RANKWISE_PHASES=processor` a phase lasts as long as the processor time that all threads of the rank spend in it: for
/// measurements on a machine whose cores others use too. It begins where the clock says.
final class PhaseTimer {
  /// What was done so far, in the order of its ends. Phases do not nest.
  private(set) var events: [TraceEvent] = []
  /// Which part of the run comes next, such as a stage; events carry it. All ranks name the same parts in the same order.
  var part = "" {
    didSet { if !parts.contains(part) { parts.append(part) } }
  }
  private var parts = [""]
  /// What was under way beside the phases, in the order of its ends.
  private(set) var transfers: [TransferEvent] = []
  /// The clock that events are measured by.
  let clock = Clock()
  private let log: RankLog?
  private let countsProcessor = ProcessInfo.processInfo.environment["RANKWISE_PHASES"] == "processor"

  /// Nanoseconds since a timer was made, for any thread.
  struct Clock: Sendable {
    private let origin = ContinuousClock.now

    /// Nanoseconds so far.
    var now: Int64 {
      let (seconds, attoseconds) = (ContinuousClock.now - origin).components
      return seconds * 1_000_000_000 + attoseconds / 1_000_000_000
    }
  }

  /// A timer that also writes each measurement to `log`.
  init(log: RankLog? = nil) { self.log = log }

  /// Runs `body` and adds its time to `phase`.
  func measure<R, E: Error>(_ phase: Phase, _ body: () throws(E) -> R) throws(E) -> R {
    let begin = now
    let spent = countsProcessor ? ThreadClock.processNanoseconds : begin
    defer { add(phase, since: begin, duration: (countsProcessor ? ThreadClock.processNanoseconds : now) - spent) }
    return try body()
  }

  /// Adds the time since `begin`, or another duration, to `phase`.
  func add(_ phase: Phase, since begin: Int64, duration: Int64? = nil) {
    let event = TraceEvent(phase: phase, part: part, start: begin, duration: duration ?? now - begin)
    events.append(event)
    log?.write("\(phase.rawValue) took \(Double(event.duration) / 1e9) s")
  }

  /// Adds what a courier carried meanwhile: `name` says what it was.
  func add(_ transfers: [FactorCourier.Transfer], name: (Int) -> String) {
    for transfer in transfers {
      self.transfers.append(
        TransferEvent(
          name: name(transfer.number), part: part, start: transfer.start, duration: transfer.end - transfer.start))
    }
  }

  /// Nanoseconds since this timer was made.
  var now: Int64 { clock.now }

  /// Seconds since this timer was made.
  var elapsed: Double { Double(now) / 1e9 }

  /// Gathers all ranks' times. Collective; the result is the same on every rank.
  func rankTimes(_ world: borrowing Communicator) throws(MPIError) -> RankTimes {
    var seconds = [Double](repeating: 0, count: Phase.allCases.count)
    for event in events { seconds[event.phase.index] += Double(event.duration) / 1e9 }
    let own = seconds + [elapsed]
    let all = try world.allGather(own.span)
    let numbers = Dictionary(uniqueKeysWithValues: parts.enumerated().map { ($1, $0) })
    var largest = [Double](repeating: 0, count: parts.count * Phase.allCases.count)
    for event in events {
      largest[numbers[event.part]! * Phase.allCases.count + event.phase.index] += Double(event.duration) / 1e9
    }
    try world.allReduce(&largest, .maximum)
    return RankTimes(flat: all, largestByPart: largest)
  }

  /// The same as a table over the ranks. Collective.
  func summary(_ world: borrowing Communicator) throws(MPIError) -> [PhaseTime] { try rankTimes(world).phases }
}
