import LinearAlgebra
import MPI
import Quantization

/// Sends the factors of a stage from their owners to the ranks that solve rows with them.
///
/// They travel once to each node that has such ranks, in a pipeline between nodes, into memory that the node's ranks share:
/// one copy per node. Where `/dev/shm` has no room for it on some node, each rank takes part in the pipeline and has a copy.
struct FactorBroadcast {
  let nodes: NodeLayout
  /// What each group's factors take.
  let layouts: [FactorLayout]
  let owners: [Int]
  /// The ranks that solve rows of each group.
  let holders: [[Int]]
  /// Threads of this rank.
  let threads: Int

  /// The factors of the groups that this rank holds rows of, by group.
  struct Received {
    var factors: [Int: [SharedFactor]] = [:]
    var drifts: [Int: [DriftCorrection]] = [:]
  }

  /// Sends, and solves for the drift corrections where they are needed: ranks that share memory share the work. Collective;
  /// waits are polite.
  ///
  /// - Parameters:
  ///   - own: the factors of each group that this rank owns; taken away group by group as they are sent.
  ///   - drifts: their scaled cross moments, where the layout has drift corrections.
  ///   - shared: where what the ranks of the node share is put; what was in it before is used by nobody any more.
  func run(
    _ own: inout [[SharedFactor]?], _ drifts: inout [[[Float]]?], in shared: LastingWindow,
    _ traffic: inout FactorTraffic,
    _ timer: PhaseTimer, _ world: borrowing Communicator
  ) throws -> Received {
    let shares = try canShare(shared, world)
    let routes = routes(shares: shares)
    let place = routes.placeOfRank[world.rank]
    let (offsets, byteCount) = routes.contents(ofPlace: place, byteCounts: layouts.map(\.byteCount))
    count(routes, shares: shares, &traffic)
    let isShared = routes.places[place].count > 1 && byteCount > 0

    let memory = try timer.measure(.broadcast) {
      let memory = isShared ? try shared.shared(byteCount, nodes) : NodeMemory(byteCount: byteCount)
      for (group, start) in offsets where owners[group] == world.rank {
        for hessian in 0..<layouts[group].hessians {
          layouts[group].write(own[group]![hessian], drifts[group]?[hessian], hessian: hessian, to: memory, at: start)
        }
        // The copy takes their place at once.
        (own[group], drifts[group]) = (nil, nil)
      }
      for (group, route) in routes.routes.enumerated() where !route.staysAtOwner && route.ranks.contains(world.rank) {
        let start = offsets[group]!
        try world.pipelinedBroadcast(memory, start..<start + layouts[group].byteCount, along: route.ranks)
      }
      return memory
    }
    if isShared { try shared.publish(nodes) }

    var received = Received()
    let ranks = isShared ? (index: nodes.node.rank, count: nodes.node.size) : (0, 1)
    try timer.measure(.factor) {
      for (group, route) in routes.routes.enumerated() {
        let layout = layouts[group]
        if let start = offsets[group] {
          let factors = try (0..<layout.hessians).map { try layout.factor($0, in: memory, at: start) }
          if layout.hasDrift {
            solve(factors, ranks: ranks) { layout.drift($0, in: memory, at: start) }
          }
          if route.holders.contains(world.rank) { received.factors[group] = factors }
        } else if route.holders.contains(world.rank) {
          received.factors[group] = own[group]
          received.drifts[group] = drifts[group].map { corrections(own[group]!, $0) }
          (own[group], drifts[group]) = (nil, nil)
        }
      }
    }
    if isShared { try shared.publish(nodes) }
    for (group, route) in routes.routes.enumerated() where route.holders.contains(world.rank) {
      let layout = layouts[group]
      guard let start = offsets[group], layout.hasDrift else { continue }
      received.drifts[group] = (0..<layout.hessians).map { hessian in
        DriftCorrection(
          columns: layout.columns,
          update: FloatStorage(UnsafeBufferPointer(layout.drift(hessian, in: memory, at: start)), owner: memory))
      }
    }
    return received
  }

  /// Solves for this rank's share of the corrections of one group, in place.
  private func solve(
    _ factors: [SharedFactor], ranks: (index: Int, count: Int), update: (Int) -> UnsafeMutableBufferPointer<Float>
  ) {
    let tiles = DriftCorrection.tileCount(columns: factors[0].columns)
    // The tiles of all Hessians in one line.
    let all = factors.count * tiles
    let own = ranks.index * all / ranks.count..<(ranks.index + 1) * all / ranks.count
    let parts = min(threads, max(own.count, 1))
    let bases = factors.indices.map { Updates(update($0).baseAddress!) }
    Parallel.forEach(parts, threads: threads) { part in
      let part = own.lowerBound + part * own.count / parts..<own.lowerBound + (part + 1) * own.count / parts
      for hessian in factors.indices {
        let range = part.clamped(to: hessian * tiles..<(hessian + 1) * tiles)
        guard !range.isEmpty else { continue }
        DriftCorrection.solve(
          bases[hessian].base, tiles: range.lowerBound - hessian * tiles..<range.upperBound - hessian * tiles,
          factor: factors[hessian])
      }
    }
  }

  /// Where an update is, whose tiles are written by one thread each.
  private struct Updates: @unchecked Sendable {
    let base: UnsafeMutablePointer<Float>
    init(_ base: UnsafeMutablePointer<Float>) { self.base = base }
  }

  /// Solves for all corrections of a group that stays at its owner.
  private func corrections(_ factors: [SharedFactor], _ scaled: [[Float]]) -> [DriftCorrection] {
    zip(factors, scaled).map { factor, scaled in
      var update = scaled
      update.withUnsafeMutableBufferPointer { update in solve([factor], ranks: (0, 1)) { _ in update } }
      return DriftCorrection(columns: factor.columns, update: FloatStorage(update))
    }
  }

  private func routes(shares: Bool) -> FactorRoutes {
    FactorRoutes(
      places: shares ? nodes.nodes : nodes.nodeOfRank.indices.map { [$0] }, owners: owners, holders: holders)
  }

  /// Whether every node has room for one copy of all that it gets. Collective.
  private func canShare(_ shared: LastingWindow, _ world: borrowing Communicator) throws(MPIError) -> Bool {
    var fits = nodes.sharesMemory
    if fits && nodes.node.size > 1 {
      let routes = routes(shares: true)
      let place = routes.placeOfRank[world.rank]
      let byteCount = routes.contents(ofPlace: place, byteCounts: layouts.map(\.byteCount)).byteCount
      try shared.release(below: byteCount, nodes)
      fits = shared.hasRoom(for: byteCount)
    }
    // Also the point where all sleep until the last owner has its factors, and nobody uses those of the stage before.
    return try world.allReduce(Int64(fits ? 1 : 0), .minimum, waiting: .polite) == 1
  }

  /// Adds what is about to be sent. The same on every rank.
  private func count(_ routes: FactorRoutes, shares: Bool, _ traffic: inout FactorTraffic) {
    for (layout, route) in zip(layouts, routes.routes) where !route.staysAtOwner {
      traffic.bytesSent += (route.ranks.count - 1) * layout.byteCount
      traffic.triangleBytesSent += (route.ranks.count - 1) * layout.hessians * layout.triangleBytes
    }
    let isNeeded = routes.routes.contains { !$0.staysAtOwner } && nodes.nodes.contains { $0.count > 1 }
    if isNeeded && shares { traffic.sharedStages += 1 }
    if isNeeded && !shares { traffic.copiedStages += 1 }
  }
}
