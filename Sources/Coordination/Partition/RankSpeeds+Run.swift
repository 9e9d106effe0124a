import Foundation
import LinearAlgebra
import MPI

extension RankSpeeds {
  /// The speeds of a run's ranks: measured, or equal. Collective.
  ///
  /// `RANKWISE_SPEEDS=1,1,0.01` in rank 0's environment, which is for tests, replaces what would be measured.
  ///
  /// - Parameters:
  ///   - threads: of this rank.
  ///   - work: of all ranks, in GFLOP.
  static func ofRun(
    _ balance: Balance, threads: Int, work: Double, _ world: borrowing Communicator
  ) throws -> RankSpeeds {
    let forced = try world.collectively { try world.rank == 0 ? speedsOfEnvironment(ranks: world.size) : [] }
    let agreed = try world.broadcastValue(forced, root: 0, waiting: .polite)
    if agreed.isEmpty, balance == .equal || world.size == 1 { return RankSpeeds(equal: world.size) }
    let all = try world.allGather(Int64(threads), waiting: .polite).map { Int($0) }
    if !agreed.isEmpty { return RankSpeeds(agreed, threads: all) }
    if balance == .auto {
      // Ranks of one node with as many threads each are equal but for noise.
      let areAlike = try world.splitShared().size == world.size && Set(all).count == 1
      if areAlike || work < Balance.leastWork * Double(all.reduce(0, +)) { return RankSpeeds(equal: world.size) }
    }
    let probe = try world.collectively { try SpeedProbe() }
    return RankSpeeds(SpeedSample.speeds(try probe.samples(threads: threads, world)), threads: all)
  }

  /// What the environment says; empty if nothing.
  private static func speedsOfEnvironment(ranks: Int) throws -> [Double] {
    let variable = "RANKWISE_SPEEDS"
    guard let text = ProcessInfo.processInfo.environment[variable] else { return [] }
    let speeds = text.split(separator: ",", omittingEmptySubsequences: false).map { Double($0) ?? 0 }
    guard speeds.count == ranks, speeds.allSatisfy({ $0 > 0 && $0.isFinite }) else {
      throw CoordinationError.environment(
        variable: variable, value: text, wanted: "a number above 0 for each of the \(ranks) ranks, separated by commas")
    }
    return speeds
  }
}
