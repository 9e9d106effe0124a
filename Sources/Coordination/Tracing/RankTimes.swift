/// The seconds that each rank spent in each phase, and in all.
public struct RankTimes: Sendable, Equatable, Codable {
  /// Number of ranks.
  public var size: Int { elapsed.count }
  /// For each phase by name, the seconds of every rank; phases that nobody was in are left out.
  private var phaseSeconds: [String: [Double]]
  /// Seconds of every rank from the beginning to the end of its run.
  public private(set) var elapsed: [Double]

  /// For each phase the seconds that ranks waited in the mean since it took them unequally long, added up over the parts of
  /// the run: a rank that is slow in one part does not catch up in another.
  private var unevenSeconds: [String: Double]

  /// Takes for each rank in turn the seconds of all phases, in the order of `Phase.allCases`, and the elapsed ones; and for
  /// each part of the run the largest seconds of a rank in all phases.
  init(flat values: [Double], largestByPart: [Double]) {
    let width = Phase.allCases.count + 1
    precondition(values.count.isMultiple(of: width), "\(values.count) times for \(width - 1) phases")
    let ranks = 0..<values.count / width
    phaseSeconds = [:]
    for phase in Phase.allCases {
      let seconds = ranks.map { values[$0 * width + phase.index] }
      if seconds.contains(where: { $0 > 0 }) { phaseSeconds[phase.rawValue] = seconds }
    }
    unevenSeconds = [:]
    for phase in Phase.allCases {
      guard let seconds = phaseSeconds[phase.rawValue] else { continue }
      let largest = stride(from: phase.index, to: largestByPart.count, by: width - 1).reduce(0) {
        $0 + largestByPart[$1]
      }
      unevenSeconds[phase.rawValue] = max(0, largest - seconds.reduce(0, +) / Double(ranks.count))
    }
    elapsed = ranks.map { values[$0 * width + width - 1] }
  }

  /// Seconds of `rank` in `phase`.
  public func seconds(of rank: Int, in phase: Phase) -> Double { phaseSeconds[phase.rawValue]?[rank] ?? 0 }

  /// Seconds that ranks waited in the mean since `phase` took them unequally long.
  public func uneven(_ phase: Phase) -> Double { unevenSeconds[phase.rawValue] ?? 0 }

  /// Seconds of `rank` in the phases that `isCounted`.
  func seconds(of rank: Int, _ isCounted: (Phase) -> Bool) -> Double {
    Phase.allCases.reduce(0) { $0 + (isCounted($1) ? seconds(of: rank, in: $1) : 0) }
  }

  /// Seconds of `rank` in no phase: it waits for others.
  public func waiting(of rank: Int) -> Double { max(0, elapsed[rank] - seconds(of: rank) { _ in true }) }

  /// The table of phases over the ranks: each phase, waiting, and the whole run last.
  public var phases: [PhaseTime] {
    let ranks = 0..<size
    return Phase.allCases.map { phase in PhaseTime(phase.rawValue, ranks.map { seconds(of: $0, in: phase) }) }
      + [PhaseTime("wait", ranks.map(waiting(of:))), PhaseTime("total", elapsed)]
  }
}
