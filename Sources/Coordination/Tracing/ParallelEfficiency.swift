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
  /// What would help most, in one sentence.
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
    advice = Self.advice(ranks, elapsed: elapsed, efficiency: parallelEfficiency)
  }

  /// The phase whose uneven or unshared time costs most, and what to do about it.
  private static func advice(_ ranks: RankTimes, elapsed: Double, efficiency: Double) -> String {
    if efficiency > 0.95 { return "nothing to gain: the ranks compute nearly all of the time" }
    // What a phase costs beyond its useful work: the others wait, and where data moves all of it.
    let losses = Phase.allCases.map { phase -> (phase: Phase, loss: Double) in
      let mean = (0..<ranks.size).reduce(0) { $0 + ranks.seconds(of: $1, in: phase) } / Double(ranks.size)
      return (phase, phase.isUseful ? ranks.uneven(phase) : mean)
    }
    let worst = losses.max { $0.loss < $1.loss }!
    let share = Int((100 * worst.loss / elapsed).rounded())
    let remedy =
      switch worst.phase {
      case .forward, .hessian, .measure:
        "a number of ranks that divides the chunks of samples, or more samples, would even it out"
      case .factor:
        "few input groups of a stage have work for few ranks; fewer ranks, or --propagate float, which factors all layers "
          + "side by side, waste less"
      case .solve: "the rows of some stages do not fill all ranks; fewer ranks waste less"
      case .replace: "every rank does it for whole layers; fewer ranks with more threads each waste less"
      case .read, .commit, .write: "only one rank does it; a faster file system or local disk would help"
      case .balance: "the run is short; --balance equal does without it"
      case .reduce, .broadcast, .gather:
        "fewer ranks with more threads each (--threads) move less; check that MPI uses the fast network and that ranks are "
          + "bound (--map-by ppr:R:node:PE=T)"
      }
    return "most is lost in \(worst.phase.rawValue) (\(share) % of the run): \(remedy)"
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
