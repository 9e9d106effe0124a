/// What is expected of one layout.
public struct PlanEntry: Sendable, Codable {
  /// Number of nodes.
  public var nodes: Int
  /// Number of ranks.
  public var ranks: Int
  /// Threads of a rank.
  public var threads: Int
  /// Seconds of each phase over the ranks; "total" is the whole run.
  public var phases: [PhaseTime]
  /// Seconds of each phase on the slowest rank of each stage; they add up to `seconds`, but for small messages.
  public var slowest: [String: Double]
  /// Seconds of the run: in each stage and phase the slowest rank's.
  public var seconds: Double
  /// Of these, seconds in which the ranks wait for the slowest in the mean.
  public var uneven: Double
  /// Bytes that the rank with the most memory holds at most, those shared with other ranks of its node included.
  public var rankMemory: Int
  /// Bytes that a node holds at most.
  public var nodeMemory: Int
  /// Bytes of a rank by what holds them when it holds most.
  public var memoryParts: [String: Int]
  /// Whether `nodeMemory` is below the node's.
  public var fits: Bool
  /// What the factors cost the network, as a run reports it.
  public var factorTraffic: FactorTraffic
  /// Bytes of integer sums that are added up at their owners, of one rank.
  public var reducedBytes: Int
  /// Bytes of rows that all ranks receive.
  public var gatheredBytes: Int
  /// The step in nodes (or ranks) from the entry before: its speed-up over the ratio; nil for the first.
  public var efficiency: Double?

  /// The phase that the run spends most time in.
  public var limit: String? { slowest.max { ($0.value, $1.key) < ($1.value, $0.key) }?.key }
}
