import Calibration
import Graphs
import LinearAlgebra
import MPI
import Quantization

extension QuantizationRun {
  /// Factors at the owners, and sends the factors to the ranks that hold rows.
  ///
  /// - Parameter members: the layers, in the order of `partition`'s line.
  /// - Returns: the factors of each layer that this rank holds rows of, and the corrections of its drift where there is any.
  mutating func factorAndBroadcast(
    _ groups: inout [CalibratedGroup], members: [Int], _ partition: RowPartition, _ world: borrowing Communicator
  ) throws -> (factors: [Int: [SharedFactor]], drifts: [Int: [DriftCorrection]]) {
    let together = try groupsFactoredTogether(groups, world)
    // The means of the inputs, of each Hessian that this rank owns.
    var means = groups.map { _ in [[Double]]() }
    var moments = groups.map { _ in [InputMoments]() }
    timer.measure(.factor) {
      for (index, group) in groups.enumerated() where group.owner == world.rank && !together.groups.contains(index) {
        moments[index] = InputMoments.moments(
          of: group.group, sums: group.sums, scale: group.scale, columnCount: group.columnCount,
          threads: options.threads)
        groups[index].sums = []
        means[index] = moments[index].map(\.mean)
        guard group.isCentered else { continue }
        for hessian in moments[index].indices { moments[index][hessian].center(threads: options.threads) }
      }
    }
    var own = try world.collectively {
      try timer.measure(.factor) { try factorOwn(groups, moments, isOversubscribed: together.facts.isOversubscribed) }
    }
    moments = []
    try factorTogether(&groups, together, &own, &means, world)
    var ownDrifts = timer.measure(.factor) { scaledCrossMoments(groups, means, own, rank: world.rank) }
    for index in groups.indices { groups[index].crossSums = [] }
    try record(own, of: groups, world)
    for (index, group) in groups.enumerated() {
      let pivots = try world.broadcastValue((own[index] ?? []).flatMap(\.pivots), root: group.owner, waiting: .polite)
      for layer in group.group.layers { quantized[layer]!.pivots = pivots }
    }
    for (index, group) in groups.enumerated() where group.isCentered {
      let means = try world.broadcastValue(means[index].flatMap { $0 }, root: group.owner, waiting: .polite)
      for layer in group.group.layers { quantized[layer]!.inputMeans = means }
    }

    let (layouts, holders) = (
      groups.map { FactorLayout(columns: $0.group.columns, hessians: $0.group.groups, hasDrift: $0.crossScale != nil) },
      groups.map { group in
        partition.ranks(holding: Set(group.group.layers.map { member in members.firstIndex(of: member)! }))
      }
    )
    let broadcast = FactorBroadcast(
      nodes: nodes!, layouts: layouts, owners: groups.map(\.owner), holders: holders, threads: options.threads)
    let received = try broadcast.run(&own, &ownDrifts, in: factorMemory, &factorTraffic, timer, world)
    var (factors, drifts) = ([Int: [SharedFactor]](), [Int: [DriftCorrection]]())
    for (index, group) in groups.enumerated() {
      for layer in group.group.layers {
        (factors[layer], drifts[layer]) = (received.factors[index], received.drifts[index])
      }
    }
    return (factors, drifts)
  }

  /// Lets every rank know what the owners had to do to factor: damping, escalations, dead columns. Collective.
  private mutating func record(
    _ own: [[SharedFactor]?], of groups: [CalibratedGroup], _ world: borrowing Communicator
  ) throws {
    var facts = own.flatMap { factors -> [Double] in
      let factors = factors ?? []
      return [
        factors.map(\.damping).max() ?? 0, Double(factors.map(\.escalations).max() ?? 0),
        Double(factors.reduce(0) { $0 + $1.deadColumns.count }),
      ]
    }
    try world.allReduce(&facts, .maximum, waiting: .polite)
    for (index, group) in groups.enumerated() {
      for member in group.group.layers {
        var layer = QuantizedLayer(layers[member])
        layer.damping = facts[index * 3]
        layer.escalations = Int(facts[index * 3 + 1])
        layer.deadColumns = Int(facts[index * 3 + 2])
        quantized[member] = layer
      }
    }
  }

  /// Factors every Hessian of the groups that have moments, which this rank owns; nil for the others.
  private func factorOwn(
    _ groups: [CalibratedGroup], _ moments: [[InputMoments]], isOversubscribed: Bool
  ) throws -> [[SharedFactor]?] {
    let jobs = groups.indices.filter { !moments[$0].isEmpty }.flatMap { group in
      (0..<groups[group].group.groups).map { (group: group, hessian: $0) }
    }
    let (layers, order, damping) = (layers, options.factorOrder, options.damping)
    let weights = stackedWeights(groups, Set(jobs.map(\.group)))
    // One thread for each Hessian where there are enough; else several threads factor one together.
    let largest = jobs.map { groups[$0.group].group.columns }.max() ?? 1
    let members = min(Team.useful(order: largest), max(1, options.threads / max(jobs.count, 1)))
    let teams = min(options.threads / members, bounds.factorThreads)
    let results = try Parallel.map(jobs.count, threads: teams) { index throws -> SharedFactor in
      let job = jobs[index]
      let group = groups[job.group].group
      do {
        return try SharedFactor.make(
          hessian: moments[job.group][job.hessian].hessian, order: order,
          roundingErrors: weights[job.group].map {
            Self.roundingErrors($0, group.layers.map { layers[$0] }, hessian: job.hessian)
          }, damping: damping, team: Team(threads: members, columnMembers: isOversubscribed ? 1 : members))
      } catch let error as QuantizationError {
        throw CoordinationError.layer(name: layers[group.layers[0]].layer.name, reason: error.description)
      }
    }
    var own = [[SharedFactor]?](repeating: nil, count: groups.count)
    for (job, factor) in zip(jobs, results) { own[job.group] = (own[job.group] ?? []) + [factor] }
    return own
  }

  /// The matrices of the layers of groups, where the order of columns depends on them; empty elsewhere.
  func stackedWeights(_ groups: [CalibratedGroup], _ wanted: Set<Int>) -> [Int: [[Float]]] {
    guard options.factorOrder == .sensitivity || options.factorOrder == .auto else { return [:] }
    var stacks: [Int: [[Float]]] = [:]
    for index in wanted {
      stacks[index] = groups[index].group.layers.map {
        layers[$0].layer.matrix(from: graph.constants[layers[$0].layer.weight]!)
      }
    }
    return stacks
  }

  /// Squared rounding errors by column over the rows of all layers that share a Hessian.
  static func roundingErrors(_ stacks: [[Float]], _ members: [PlannedLayer], hessian: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: members[0].layer.columns)
    for (matrix, member) in zip(stacks, members) {
      let columns = member.layer.columns
      let rows = member.rowsPerHessian
      matrix.withUnsafeBufferPointer { matrix in
        let part = UnsafeBufferPointer(rebasing: matrix[hessian * rows * columns..<(hessian + 1) * rows * columns])
        let errors = SharedFactor.roundingErrors(
          weights: part, rows: rows, columns: columns, scheme: member.scheme)
        for column in 0..<columns { sums[column] += errors[column] }
      }
    }
    return sums
  }
}
