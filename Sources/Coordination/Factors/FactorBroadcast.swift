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

  /// The factors of the groups that this rank holds rows of, by group.
  struct Received: ~Copyable {
    var factors: [Int: [SharedFactor]] = [:]
    var drifts: [Int: [DriftCorrection]] = [:]
    var window: NodeWindow?
  }

  /// Sends. Collective; waits are polite.
  ///
  /// - Parameters:
  ///   - own: the factors of each group that this rank owns; taken away group by group as they are sent.
  ///   - drifts: their drift corrections, where the layout has any.
  func run(
    _ own: inout [[SharedFactor]?], _ drifts: inout [[DriftCorrection]?], _ traffic: inout FactorTraffic,
    _ world: borrowing Communicator
  ) throws -> Received {
    let shares = try canShare(world)
    let routes = routes(shares: shares)
    let place = routes.placeOfRank[world.rank]
    let (offsets, byteCount) = routes.contents(ofPlace: place, byteCounts: layouts.map(\.byteCount))
    count(routes, shares: shares, &traffic)

    var received = Received()
    let memory: NodeMemory
    if routes.places[place].count > 1 && byteCount > 0 {
      let window = try NodeWindow(byteCount: byteCount, on: nodes.node)
      memory = window.memory
      received.window = consume window
    } else {
      memory = NodeMemory(byteCount: byteCount)
    }
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
    if let window = received.window.take() {
      try window.publish(on: nodes.node)
      received.window = consume window
    }
    for (group, route) in routes.routes.enumerated() where route.holders.contains(world.rank) {
      let layout = layouts[group]
      guard let start = offsets[group] else {
        received.factors[group] = own[group]
        received.drifts[group] = drifts[group]
        continue
      }
      received.factors[group] = try (0..<layout.hessians).map { try layout.factor($0, in: memory, at: start) }
      if layout.hasDrift {
        received.drifts[group] = (0..<layout.hessians).map { layout.drift($0, in: memory, at: start)! }
      }
    }
    return received
  }

  private func routes(shares: Bool) -> FactorRoutes {
    FactorRoutes(
      places: shares ? nodes.nodes : nodes.nodeOfRank.indices.map { [$0] }, owners: owners, holders: holders)
  }

  /// Whether every node has room for one copy of all that it gets. Collective.
  private func canShare(_ world: borrowing Communicator) throws(MPIError) -> Bool {
    var fits = nodes.sharesMemory
    if fits && nodes.node.size > 1 {
      let routes = routes(shares: true)
      let place = routes.placeOfRank[world.rank]
      fits = NodeWindow.hasRoom(for: routes.contents(ofPlace: place, byteCounts: layouts.map(\.byteCount)).byteCount)
    }
    // Also the point where all sleep until the last owner has its factors.
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
