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
    case .all: result.groups = local
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

  /// Factors groups by all ranks of the owner's node together; the owner ends up with the factors.
  ///
  /// Collective. The owner writes a Hessian to shared memory; a team of its ranks' threads works there, and the owner takes U.
  func factorTogether(
    _ groups: inout [CalibratedGroup], _ together: FactoredTogether, _ own: inout [[SharedFactor]?],
    _ means: inout [[[Double]]], _ world: borrowing Communicator
  ) throws {
    var failure: (any Error)?
    if !together.groups.isEmpty {
      // Sleep until the node's ranks have done what is theirs alone.
      try nodes!.node.barrier(waiting: .polite)
      do {
        try timer.measure(.factor) {
          for index in together.groups {
            for hessian in 0..<groups[index].group.groups {
              let factor = try factorTogether(
                &groups[index], hessian, together.facts, &means[index], world)
              if let factor { own[index] = (own[index] ?? []) + [factor] }
            }
          }
        }
      } catch { failure = error }
    }
    try world.collectively { if let failure { throw failure } }
  }

  /// One Hessian. Collective over the ranks of the node; the factor on the owner, nil elsewhere.
  private func factorTogether(
    _ calibrated: inout CalibratedGroup, _ hessian: Int, _ facts: FactorWorkspace.Facts, _ means: inout [[Double]],
    _ world: borrowing Communicator
  ) throws -> SharedFactor? {
    let (nodes, workspace, threads, layers) = (nodes!, factorWorkspace, options.threads, layers)
    let group = calibrated.group
    let layout = FactorWorkspace.Layout(columns: group.columns, members: facts.threads.reduce(0, +))
    let memory = workspace.memory
    let count = SymmetricMatrix.count(order: group.columns)
    let upper = memory.mutableElements(of: Double.self, at: layout.hessian, count: count).baseAddress!
    let isOwner = calibrated.owner == world.rank
    if isOwner {
      let rows = MomentRows(
        group: group, sums: calibrated.sums, scale: calibrated.scale, columnCount: calibrated.columnCount)
      rows.write(hessian: hessian, to: upper, threads: threads)
      means.append(rows.mean(hessian: hessian))
      if calibrated.isCentered { MomentRows.center(upper, mean: means[hessian], threads: threads) }
      if hessian == group.groups - 1 { calibrated.sums = [] }
    }
    try workspace.publish(nodes)
    let ranks = nodes.nodes[nodes.nodeOfRank[world.rank]]
    let members = FactorSharing.team(
      group.columns, owner: ranks.firstIndex(of: calibrated.owner)!, threads: facts.threads)
    let counts = members.map { facts.threads[$0] }
    let bytes = memory.mutableElements(of: UInt8.self, at: 0, count: layout.byteCount).baseAddress!
    // The members of a team fail together, so that none waits for one that failed.
    return try nodes.node.collectively { () throws -> SharedFactor? in
      guard let place = members.firstIndex(of: nodes.node.rank) else { return nil }
      let team = Team(
        control: bytes, count: counts.reduce(0, +), first: counts[..<place].reduce(0, +), threads: threads,
        columnMembers: facts.isOversubscribed ? 1 : counts.reduce(0, +))
      let cholesky = InverseCholesky(
        order: group.columns, memory: UnsafeMutableRawPointer(bytes) + layout.work, team: team)
      let target = UnsafeMutableRawPointer(upper).assumingMemoryBound(to: Float.self)
      do {
        let weights = group.layers.map { layers[$0] }
        let errors = stackedWeights([calibrated], [0])[0].map {
          Self.roundingErrors($0, weights, hessian: hessian)
        }
        let parameters = try SharedFactor.make(
          upper, order: options.factorOrder, roundingErrors: errors, damping: options.damping, cholesky, to: target)
        guard isOwner else { return nil }
        let source = Parallel.Target(target)
        let inverse: [Float] = Parallel.array(count, threads: threads) { copy, range in
          (copy + range.lowerBound).update(from: source.base + range.lowerBound, count: range.count)
        }
        return try SharedFactor(parameters, inverse: FloatStorage(inverse))
      } catch let error as QuantizationError {
        throw CoordinationError.layer(name: layers[group.layers[0]].layer.name, reason: error.description)
      }
    }
  }
}
