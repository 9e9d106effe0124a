import Calibration
import LinearAlgebra
import MPI

/// The sums of some input groups in memory that the ranks of a node share: each adds its chunks there, so that no rank has sums of its
/// own to clear, keep and send to others of its node.
struct NodeSums {
  /// The sums of each group.
  private(set) var hessian: [SharedSumMemory] = []
  /// And those of the drift of its inputs; nil for a group without.
  private(set) var cross: [SharedSumMemory?] = []
  /// The group that this rank begins with, so that ranks do not meet.
  let first: Int
  private let nodes: NodeLayout

  /// Integers that leaders of nodes add up in one call.
  private static let pieceCount = 8 << 20

  /// Zero sums of `groups`, on all nodes; nil where nodes have one rank each, or one has no room in `/dev/shm`. Collective: all ranks
  /// have read what was in `window` before.
  init?(
    _ groups: [CalibratedGroup], _ nodes: NodeLayout, _ window: LastingWindow, _ timer: PhaseTimer,
    _ world: borrowing Communicator
  ) throws {
    guard nodes.sharesMemory else { return nil }
    let counts = groups.map { group in
      (HessianSums.count(group.group), group.crossScale == nil ? nil : CrossSums.count(group.group))
    }
    let byteCount = counts.reduce(0) {
      $0 + SharedSumMemory.byteCount($1.0) + ($1.1.map { SharedSumMemory.byteCount($0) } ?? 0)
    }
    try window.release(below: byteCount, nodes)
    let fits = window.hasRoom(for: byteCount)
    guard try world.allReduce(Int64(fits ? 1 : 0), .minimum, waiting: .polite) == 1 else { return nil }

    let ranks = (index: nodes.node.rank, count: nodes.node.size)
    (first, self.nodes) = (ranks.index * groups.count / ranks.count, nodes)
    let memory = try window.shared(byteCount, nodes)
    var end = 0
    func next(_ count: Int) -> SharedSumMemory {
      let bytes = SharedSumMemory.byteCount(count)
      defer { end += bytes }
      let base = UnsafeMutableRawPointer(
        memory.mutableElements(of: UInt8.self, at: end, count: bytes).baseAddress!)
      return SharedSumMemory(at: base, count: count, turn: ranks.index * 16 / ranks.count, owner: memory)
    }
    for (hessians, crosses) in counts {
      hessian.append(next(hessians))
      cross.append(crosses.map { next($0) })
    }
    timer.measure(.hessian) {
      for sums in hessian + cross.compactMap({ $0 }) {
        if ranks.index == 0 { sums.prepare() }
        sums.clear(part: ranks.index, of: ranks.count)
      }
    }
    try window.publish(nodes)
  }

  /// Adds up the sums of all nodes and gives each owner those of its groups, `groups`. Collective; all ranks have added theirs.
  ///
  /// - Parameter staysInPlace: whether owners, and the other ranks of their nodes, read sums where they are; else owners copy them.
  func collect(
    _ groups: inout ArraySlice<CalibratedGroup>, _ window: LastingWindow, staysInPlace: Bool, _ timer: PhaseTimer,
    _ world: borrowing Communicator
  ) throws(MPIError) {
    try window.publish(nodes)
    if nodes.nodes.count > 1 {
      try timer.measure(.reduce) { () throws(MPIError) -> Void in
        guard nodes.node.rank == 0 else { return }
        for (group, sums) in zip(groups, zip(hessian, cross)) {
          let root = nodes.nodeOfRank[group.owner]
          try reduce(sums.0, root: root)
          if let cross = sums.1 { try reduce(cross, root: root) }
        }
      }
      try window.publish(nodes)
    }
    if staysInPlace {
      let node = nodes.nodeOfRank[world.rank]
      for (place, index) in groups.indices.enumerated() {
        groups[index].areSumsShared = true
        guard nodes.nodeOfRank[groups[index].owner] == node else { continue }
        groups[index].sums = hessian[place].finished
        if let cross = cross[place] { groups[index].crossSums = cross.finished }
      }
      return
    }
    timer.measure(.reduce) {
      for (place, index) in groups.indices.enumerated() where groups[index].owner == world.rank {
        groups[index].sums = ReadStorage(hessian[place].copy())
        if let cross = cross[place] { groups[index].crossSums = ReadStorage(cross.copy()) }
      }
    }
  }

  /// Adds up sums of all leaders in the memory of the node `root`.
  private func reduce(_ memory: SharedSumMemory, root: Int) throws(MPIError) {
    let sums = memory.sums
    for start in stride(from: 0, to: sums.count, by: Self.pieceCount) {
      let piece = UnsafeMutableBufferPointer(rebasing: sums[start..<min(start + Self.pieceCount, sums.count)])
      var span = piece.mutableSpan
      try nodes.leaders.reduce(&span, .sum, root: root)
    }
  }
}
