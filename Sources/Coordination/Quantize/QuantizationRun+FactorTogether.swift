import Calibration
import Graphs
import LinearAlgebra
import MPI
import Quantization

extension QuantizationRun {
  /// What the ranks of this node factor together.
  struct FactoredTogether {
    /// Numbers of groups that ranks of this node own, ascending.
    var groups: [Int] = []
    /// The ranks of this node.
    let facts: FactorWorkspace.Facts
  }

  /// Decides what the ranks of this node factor together, and makes room for it. Collective over the ranks of each node.
  func groupsFactoredTogether(
    _ groups: [CalibratedGroup], _ world: borrowing Communicator
  ) throws -> FactoredTogether {
    let (nodes, workspace) = (nodes!, factorWorkspace)
    let facts = try workspace.facts(nodes, threads: options.threads)
    var result = FactoredTogether(facts: facts)
    // The memory of a team is beyond what a limit counts.
    guard nodes.sharesMemory, nodes.node.size > 1, facts.wish != .none, bounds.limit == nil else { return result }
    let ranks = nodes.nodes[nodes.nodeOfRank[world.rank]]
    let local = groups.indices.filter { ranks.contains(groups[$0].owner) }
    switch facts.wish {
    case .all, .allInCopies: result.groups = local
    default:
      let jobs = local.map {
        FactorSharing.Job(
          columns: groups[$0].group.columns, hessians: groups[$0].group.groups,
          owner: ranks.firstIndex(of: groups[$0].owner)!)
      }
      result.groups = FactorSharing.together(jobs, threads: facts.threads).map { local[$0] }
    }
    guard !result.groups.isEmpty else { return result }
    let bytes = result.groups.map {
      FactorWorkspace.Layout(columns: groups[$0].group.columns, members: facts.threads.reduce(0, +)).byteCount
    }.max()!
    // The factors themselves are to be shared afterwards.
    let reserved = groups.reduce(0) {
      $0
        + FactorLayout(columns: $1.group.columns, hessians: $1.group.groups, hasDrift: $1.crossScale != nil).byteCount
    }
    if try !workspace.prepare(byteCount: bytes, reserved: reserved, nodes) { result.groups = [] }
    return result
  }

  /// Factors groups by all ranks of the owner's node together, one Hessian after the other. All ranks of the node call it.
  ///
  /// A Hessian is written to shared memory, by all who work on it if they can read the sums, else by the owner; the team works there,
  /// and leaves U where all have it.
  func factorTogether(
    _ own: OwnFactors, _ exchange: FactorExchange, _ together: FactoredTogether, rank: Int
  ) throws {
    guard !together.groups.isEmpty else { return }
    // Until the node's ranks have done what is theirs alone.
    factorWorkspace.barrier.wait(for: nodes!.node.size)
    var failure: (any Error)?
    for group in together.groups {
      for hessian in 0..<own.groups[group].group.groups {
        do {
          try timer.measure(.factor) { try factorTogether(own, exchange, group, hessian, together.facts, rank: rank) }
        } catch { failure = failure ?? error }
      }
    }
    if let failure { throw failure }
  }

  /// One Hessian; only its owner throws.
  private func factorTogether(
    _ own: OwnFactors, _ exchange: FactorExchange, _ index: Int, _ hessian: Int, _ facts: FactorWorkspace.Facts,
    rank: Int
  ) throws {
    let (nodes, threads) = (nodes!, options.threads)
    let group = own.groups[index]
    let columns = group.group.columns
    let layout = FactorWorkspace.Layout(columns: columns, members: facts.threads.reduce(0, +))
    let memory = factorWorkspace.memory
    let count = SymmetricMatrix.count(order: columns)
    let upper = memory.mutableElements(of: Double.self, at: layout.hessian, count: count).baseAddress!
    let isOwner = group.owner == rank
    let ranks = nodes.nodes[nodes.nodeOfRank[rank]]
    let members = FactorSharing.team(columns, owner: ranks.firstIndex(of: group.owner)!, threads: facts.threads)
    let counts = members.map { facts.threads[$0] }
    let place = members.firstIndex(of: nodes.node.rank)
    // What this rank writes of what is made from sums; nil for nothing.
    let part = group.areSumsShared ? place.map { ($0, members.count) } : isOwner ? (0, 1) : nil
    if let part { own.writeHessian(index, hessian, to: upper, part: part, threads: threads) }
    factorWorkspace.barrier.wait(for: nodes.node.size)
    let bytes = UnsafeMutableRawPointer(
      memory.mutableElements(of: UInt8.self, at: 0, count: layout.byteCount).baseAddress!)
    let stays = exchange.staysAtOwner(index)
    // Where U is no one else's, or the node has no room to share it, it takes H's place first.
    let isInPlace = stays || !exchange.isShared
    let target =
      isInPlace ? UnsafeMutableRawPointer(upper).assumingMemoryBound(to: Float.self) : exchange.inverse(index, hessian)
    let crossPart = exchange.isShared ? part : isOwner ? (0, 1) : nil
    // The members of a team succeed or fail together, so that none waits for one that failed.
    var result: Result<SharedFactor.Parameters, any Error>?
    if let place {
      let team = Team(
        control: bytes + layout.control, count: counts.reduce(0, +), first: counts[..<place].reduce(0, +),
        threads: threads, columnMembers: facts.isOversubscribed ? 1 : counts.reduce(0, +))
      let cholesky = InverseCholesky(order: columns, memory: bytes + layout.work, team: team)
      result = Result {
        try FactorSettings(self).factor(
          upper, group, hessian, stackedWeights(own.groups, [index])[index], cholesky, to: target
        ) { parameters in
          if let crossPart { own.writeCrossMoments(parameters, index, hessian, part: crossPart, threads: threads) }
          // All shares are written.
          team.run { _ in }
          if isOwner { own.deliverCrossMoments(index) }
        }
      }
    }
    var inverse: [Float] = []
    if isOwner, isInPlace {
      let source = Parallel.Target(target)
      if stays {
        inverse = Parallel.array(count, threads: threads) { copy, range in
          (copy + range.lowerBound).update(from: source.base + range.lowerBound, count: range.count)
        }
      } else {
        let place = Parallel.Target(exchange.inverse(index, hessian))
        Parallel.forEachPiece(count, threads: threads) { range in
          (place.base + range.lowerBound).update(from: source.base + range.lowerBound, count: range.count)
        }
      }
    }
    // The memory is free for the next one.
    factorWorkspace.barrier.wait(for: nodes.node.size)
    guard isOwner, let result else { return }
    do {
      try own.add(result.get(), inverse: inverse, index, hessian, threads: threads)
    } catch {
      if case .failure = result { own.fail(index) }
      throw error
    }
  }
}
