/// Which ranks of a communicator run on which node: those of a node share its memory.
///
/// A class, so that a run may keep it; like a communicator it stays on the thread that uses it.
public final class NodeLayout {
  /// The ranks of this node, in the order of the communicator that the layout was made from.
  public let node: Communicator
  /// The leaders of all nodes, in the order of `nodes`; on ranks that lead none, those ranks.
  public let leaders: Communicator
  /// For each node its ranks in ascending order; nodes in the order of their first ranks, which are their leaders.
  public let nodes: [[Int]]
  /// The number of the node of each rank.
  public let nodeOfRank: [Int]

  /// Whether memory is to be shared: some node has more than one rank, and nobody has forbidden it.
  public let sharesMemory: Bool

  /// Asks every rank for its node.
  ///
  /// Collective. With `ranksPerNode`, ranks of one host pretend to be on several nodes, with so many ranks each: for tests.
  /// Without `sharesMemory` nobody shares any.
  /// Corresponds to `MPI_Comm_split_type`.
  public init(_ world: borrowing Communicator, ranksPerNode: Int? = nil, sharesMemory: Bool = true) throws(MPIError) {
    precondition(ranksPerNode ?? 1 > 0, "\(ranksPerNode ?? 0) ranks per node")
    let host = try world.splitShared()
    node = try host.split(color: host.rank / (ranksPerNode ?? host.size))
    let leader = try node.broadcastValue(Int64(world.rank), root: 0)
    let leaderOfRank = try world.allGather(leader).map { Int($0) }
    let distinct = Set(leaderOfRank).sorted()
    nodeOfRank = leaderOfRank.map { leader in distinct.firstIndex(of: leader)! }
    nodes = distinct.map { leader in leaderOfRank.indices.filter { leaderOfRank[$0] == leader } }
    leaders = try world.split(color: Int(leader) == world.rank ? 0 : 1)
    self.sharesMemory = sharesMemory && nodes.contains { $0.count > 1 }
  }

  /// Every node's ranks as numbers of nodes, without a repetition, in ascending order.
  public func nodes(of ranks: some Sequence<Int>) -> [Int] { Set(ranks.map { nodeOfRank[$0] }).sorted() }
}
