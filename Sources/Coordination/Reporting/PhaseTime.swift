import Foundation

/// The time of one phase over the ranks, in seconds.
public struct PhaseTime: Sendable, Codable, Equatable {
  /// A `Phase`, or "total" for the whole run.
  public var phase: String
  /// The fastest rank's seconds.
  public var minimum: Double
  /// The mean over ranks.
  public var average: Double
  /// The slowest rank's seconds.
  public var maximum: Double

  /// Sums up the seconds of all ranks, of which there is at least one.
  init(_ phase: String, _ seconds: [Double]) {
    self.phase = phase
    (minimum, maximum) = (seconds.min()!, seconds.max()!)
    average = seconds.reduce(0, +) / Double(seconds.count)
  }

  /// Lines of a table of phases; phases that took no time are left out.
  static func table(_ phases: [PhaseTime]) -> [String] {
    let total = max(phases.last?.maximum ?? 0, 1e-9)
    var table = TextTable(["<phase", "min", "average", "max", "%"])
    for phase in phases where phase.maximum > 0 {
      table.add(
        [phase.phase]
          + [phase.minimum, phase.average, phase.maximum].map { String(format: "%.3f", $0) }
          + [String(format: "%.1f", 100 * phase.average / total)])
    }
    return table.lines
  }
}

extension Duration {
  /// The duration as a floating-point number of seconds.
  var seconds: Double {
    let (seconds, attoseconds) = components
    return Double(seconds) + Double(attoseconds) * 1e-18
  }
}
