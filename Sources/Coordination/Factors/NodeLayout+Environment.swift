import Foundation
import MPI

extension NodeLayout {
  /// The layout of a run, as two variables of rank 0's environment want it, which are for tests. Collective.
  ///
  /// `RANKWISE_RANKS_PER_NODE=N`: ranks of one host pretend to be on several nodes, N on each.
  /// `RANKWISE_SHARED_MEMORY=off`: ranks of a node have copies of their own, as where `/dev/shm` is too small.
  static func ofRun(_ world: borrowing Communicator) throws -> NodeLayout {
    let wishes: [Int64] = try world.collectively {
      guard world.rank == 0 else { return [0, 0] }
      let environment = ProcessInfo.processInfo.environment
      var ranksPerNode: Int64 = 0
      if let text = environment["RANKWISE_RANKS_PER_NODE"] {
        guard let number = Int64(text), number > 0 else {
          throw CoordinationError.environment(
            variable: "RANKWISE_RANKS_PER_NODE", value: text, wanted: "a number above 0")
        }
        ranksPerNode = number
      }
      let sharing = environment["RANKWISE_SHARED_MEMORY"] ?? "on"
      guard ["on", "off"].contains(sharing) else {
        throw CoordinationError.environment(variable: "RANKWISE_SHARED_MEMORY", value: sharing, wanted: "on or off")
      }
      return [ranksPerNode, sharing == "on" ? 1 : 0]
    }
    let agreed = try world.broadcastValue(wishes, root: 0, waiting: .polite)
    return try NodeLayout(
      world, ranksPerNode: agreed[0] > 0 ? Int(agreed[0]) : nil, sharesMemory: agreed[1] == 1)
  }
}
