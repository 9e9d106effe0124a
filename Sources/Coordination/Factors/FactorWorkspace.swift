import Foundation
import LinearAlgebra
import MPI

/// The memory in which the ranks of a node factor a Hessian together: one window that lasts.
///
/// It holds a barrier of all ranks of the node, the control memory of the team, the packed H, in whose place U may be written, and R.
final class FactorWorkspace {
  private let window = LastingWindow()
  private var known: Facts?

  /// What is known of the node.
  struct Facts {
    /// Threads of each of its ranks.
    let threads: [Int]
    /// Whether they are more than the cores that the ranks may run on.
    let isOversubscribed: Bool
    /// What the environment wants.
    let wish: Wish
  }

  /// What is to be factored together: what is fastest, nothing, or everything; and that while factors themselves are not shared, as
  /// where `/dev/shm` has room for the one and not for the other.
  enum Wish: Int { case fastest, none, all, allInCopies }

  /// Where things lie for a Hessian of some columns.
  struct Layout {
    let control: Int
    let hessian: Int
    let work: Int
    let byteCount: Int

    init(columns: Int, members: Int) {
      func aligned(_ count: Int) -> Int {
        (count + NodeMemory.alignment - 1) / NodeMemory.alignment * NodeMemory.alignment
      }
      control = aligned(ProcessBarrier.byteCount)
      hessian = control + aligned(Team.controlBytes(members: members))
      work = hessian + aligned(8 * SymmetricMatrix.count(order: columns))
      byteCount = work + TiledFactor.byteCount(order: columns)
    }
  }

  /// What is known of the node, asked once of all its ranks. Collective over them.
  ///
  /// `RANKWISE_FACTOR=rank`, `node` or `copies` in the environment lets each rank factor what it owns, or all ranks of a node everything,
  /// the latter with a copy of the factors for each: for tests.
  func facts(_ nodes: NodeLayout, threads: Int) throws -> Facts {
    if let known { return known }
    let own = AllowedCores.numbers.map(Int32.init)
    let cores = try nodes.node.allGatherv(own.span)
    let all = try nodes.node.allGather(Int64(threads)).map { Int($0) }
    let text = ProcessInfo.processInfo.environment["RANKWISE_FACTOR"]
    let wish = try nodes.node.collectively {
      switch text {
      case nil, "": Wish.fastest
      case "rank": Wish.none
      case "node": Wish.all
      case "copies": Wish.allInCopies
      case let text?:
        throw CoordinationError.environment(variable: "RANKWISE_FACTOR", value: text, wanted: "rank, node or copies")
      }
    }
    let agreed = Int(try nodes.node.broadcastValue(Int64(wish.rawValue)))
    let facts = Facts(
      threads: all,
      isOversubscribed: all.reduce(0, +) > Set((0..<nodes.node.size).flatMap { Array(cores[$0]) }).count,
      wish: Wish(rawValue: agreed)!)
    known = facts
    return facts
  }

  /// Makes room for `byteCount` bytes, unless the node has none for these and `reserved` more. Collective over its ranks.
  func prepare(byteCount: Int, reserved: Int, _ nodes: NodeLayout) throws(MPIError) -> Bool {
    if let memory = window.memory, memory.byteCount >= byteCount { return true }
    try window.release(nodes)
    let fits = try nodes.node.allReduce(Int64(NodeWindow.hasRoom(for: byteCount + reserved) ? 1 : 0), .minimum) == 1
    guard fits else { return false }
    let memory = try window.shared(byteCount, nodes)
    if nodes.node.rank == 0 {
      let zeros = [UInt8](repeating: 0, count: min(byteCount, 1 << 20))
      memory.write(zeros.span, at: 0)
    }
    try window.publish(nodes)
    return true
  }

  /// The memory, after `prepare`.
  var memory: NodeMemory {
    guard let memory = window.memory else { preconditionFailure("a workspace that was not prepared") }
    return memory
  }

  /// Where the ranks of the node meet while none of them may call MPI.
  var barrier: ProcessBarrier {
    ProcessBarrier(
      at: UnsafeMutableRawPointer(
        memory.mutableElements(of: UInt8.self, at: 0, count: ProcessBarrier.byteCount).baseAddress!))
  }

  /// Gives the memory back. Collective over the ranks of the node.
  func release(_ nodes: NodeLayout) throws(MPIError) { try window.release(nodes) }
}
