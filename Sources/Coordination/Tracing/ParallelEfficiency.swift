/// How well the ranks of a run were used, by the definitions of the POP project (pop-coe.eu, "POP Standard Metrics for
/// Parallel Performance Analysis"): time in phases that compute is useful, everything else is not.
public struct ParallelEfficiency: Sendable, Codable, Equatable {
  /// The mean of the ranks' useful time over the largest.
  public var loadBalance: Double
  /// The largest useful time of a rank over the time of the run.
  public var communicationEfficiency: Double
  /// The mean of the ranks' useful time over the time of the run: the product of both.
  public var parallelEfficiency: Double
  /// The share of all ranks' time in collective operations.
  public var communicationShare: Double
  /// The share of all ranks' time outside of all phases: waiting for others.
  public var waitingShare: Double
  /// What would help most, or that nothing would help much, in one sentence.
  public var advice: String

  /// Computes the metrics; nil for a single rank.
  public init?(_ ranks: RankTimes) {
    guard ranks.size > 1 else { return nil }
    let useful = (0..<ranks.size).map { ranks.seconds(of: $0) { $0.isUseful } }
    let moving = (0..<ranks.size).map { ranks.seconds(of: $0) { !$0.isUseful } }
    let elapsed = max((0..<ranks.size).map { ranks.elapsed[$0] }.max()!, 1e-9)
    let (mean, largest) = (useful.reduce(0, +) / Double(ranks.size), max(useful.max()!, 1e-9))
    loadBalance = mean / largest
    communicationEfficiency = largest / elapsed
    parallelEfficiency = mean / elapsed
    communicationShare = moving.reduce(0, +) / Double(ranks.size) / elapsed
    waitingShare = max(0, 1 - parallelEfficiency - communicationShare)
    advice = ""
    advice = Self.advice(ranks, elapsed: elapsed, waiting: waitingShare)
  }

  /// What is less than this share of the run is not worth a change.
  static let worthwhile = 0.05

  /// A cause of lost time, and what to do about it.
  private struct Cause {
    var phases: [Phase]
    var remedy: String
  }

  private static let causes = [
    Cause(
      phases: [.forward, .hessian, .measure],
      remedy: "a number of ranks that divides the chunks of samples, or more samples, would even it out"),
    Cause(
      phases: [.factor],
      remedy:
        "few input groups of a stage have work for few ranks; fewer ranks, or --propagate float, which factors all "
        + "layers side by side, waste less"),
    Cause(phases: [.solve], remedy: "the rows of some stages do not fill all ranks; fewer ranks waste less"),
    Cause(
      phases: [.replace],
      remedy: "every rank does it for whole layers; fewer ranks with more threads each waste less"),
    Cause(
      phases: [.read, .commit, .write], remedy: "only one rank does it; a faster file system or local disk would help"),
    Cause(phases: [.balance], remedy: "the run is short; --balance equal does without it"),
    Cause(
      phases: [.reduce, .broadcast, .gather],
      remedy:
        "fewer ranks with more threads each (--threads) move less; check that MPI uses the fast network and that ranks "
        + "are bound (--map-by ppr:R:node:PE=T)"),
  ]

  /// What costs most, and what to do about it; or that nothing is worth a change.
  ///
  /// A phase costs beyond its useful work what the others wait for its slowest rank; where data moves, all of it; and where
  /// every rank does the same, all but one rank's. What ranks wait beyond that is a cause of its own.
  private static func advice(_ ranks: RankTimes, elapsed: Double, waiting: Double) -> String {
    func mean(_ phase: Phase) -> Double {
      (0..<ranks.size).reduce(0) { $0 + ranks.seconds(of: $1, in: phase) } / Double(ranks.size)
    }
    func loss(_ phase: Phase) -> Double {
      switch phase {
      case .replace: ranks.uneven(phase) + mean(phase) * (1 - 1 / Double(ranks.size))
      default: phase.isUseful ? ranks.uneven(phase) : mean(phase)
      }
    }
    let uneven = Phase.allCases.reduce(0) { $0 + ranks.uneven($1) }
    // Ranks that wait in a phase that moves data are in that phase.
    let unexplained = max(0, waiting * elapsed - uneven)
    func percent(_ seconds: Double) -> Int { Int((100 * seconds / elapsed).rounded()) }
    let losses = causes.map { cause in cause.phases.map { (phase: $0, loss: loss($0)) } }
    let sums = losses.map { $0.reduce(0) { $0 + $1.loss } }
    let worst = sums.indices.max { sums[$0] < sums[$1] }!
    if max(sums[worst], unexplained) < worthwhile * elapsed {
      return
        "nothing is worth a change: no cause costs more than \(percent(max(sums[worst], unexplained))) % of the run"
    }
    if unexplained > sums[worst] {
      return
        "most is lost in waiting that no phase explains (\(percent(unexplained)) % of the run): stages are short beside the "
        + "messages between their phases, or other programs take the ranks' cores; fewer ranks waste less"
    }
    let phases = losses[worst].sorted { $0.loss > $1.loss }
    // Phases that hardly matter are not named.
    let names = phases.filter { $0.loss >= 0.2 * phases[0].loss }.map(\.phase.rawValue)
    return
      "most is lost in \(names.joined(separator: " and ")) (\(percent(sums[worst])) % of the run): \(causes[worst].remedy)"
  }

  /// Lines for people.
  public var text: [String] {
    func percent(_ value: Double) -> String { "\(Int((100 * value).rounded())) %" }
    return [
      "parallel efficiency \(percent(parallelEfficiency)) = load balance \(percent(loadBalance)) x communication "
        + "efficiency \(percent(communicationEfficiency)); moving data \(percent(communicationShare)), waiting "
        + percent(waitingShare),
      advice,
    ]
  }
}
