import LinearAlgebra
import MPI

/// How many threads a rank gets where nobody says so: one for each core that it is bound to; ranks that may run on the same
/// cores share them.
public enum ThreadShare {
  /// The number of threads of every rank: `asked`, or the smallest share of a rank, where work is cut evenly over ranks.
  ///
  /// Collective; every rank passes the same. Results do not depend on it.
  public static func agreed(asked: Int?, _ world: borrowing Communicator) throws(MPIError) -> Int {
    if let asked { return asked }
    return Int(try world.allReduce(Int64(try own(asked: nil, world)), .minimum, waiting: .polite))
  }

  /// The number of threads of this rank: `asked`, or its share, where ranks get work by their speeds.
  ///
  /// Collective over ranks of which none is asked for, or all are. Results do not depend on it.
  public static func own(asked: Int?, _ world: borrowing Communicator) throws(MPIError) -> Int {
    if let asked { return asked }
    let node = try world.splitShared()
    let own = AllowedCores.numbers.map(Int32.init)
    let all = try node.allGatherv(own.span)
    return share(of: node.rank, cores: (0..<node.size).map { all[$0].map { Int($0) } })
  }

  /// The threads of rank `rank` of a node; at least one.
  ///
  /// - Parameter cores: the cores that each rank of the node may run on.
  static func share(of rank: Int, cores: [[Int]]) -> Int {
    var users: [Int: Int] = [:]
    for core in cores.joined() { users[core, default: 0] += 1 }
    let share = cores[rank].reduce(0.0) { $0 + 1 / Double(users[$1]!) }
    // Thirds may add up to a little less than 1.
    return max(1, Int(share + 1e-9))
  }
}
