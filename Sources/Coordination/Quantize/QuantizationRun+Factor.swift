import Calibration
import Graphs
import LinearAlgebra
import MPI
import Quantization

extension QuantizationRun {
  /// Factors at the owners, sends factors to the ranks that hold rows, and solves: all at once, so that factors travel while others are
  /// made and used. Collective; between its beginning and its end only couriers talk to other ranks.
  ///
  /// - Parameter members: the layers, in the order of `partition`'s line.
  /// - Returns: the message of this rank's rows.
  mutating func factorAndSolve(
    _ groups: inout [CalibratedGroup], members: [Int], _ partition: RowPartition, _ world: borrowing Communicator
  ) throws -> [UInt8] {
    let together = try groupsFactoredTogether(groups, world)
    let holders = groups.map { group in
      partition.ranks(holding: Set(group.group.layers.map { member in members.firstIndex(of: member)! }))
    }
    let exchange = try FactorExchange(
      nodes: nodes!,
      layouts: groups.map {
        FactorLayout(columns: $0.group.columns, hessians: $0.group.groups, hasDrift: $0.crossScale != nil)
      },
      owners: groups.map(\.owner), holders: holders, threads: together.facts.threads,
      mayShare: together.facts.wish != .allInCopies, in: factorMemory, courier,
      &factorTraffic, timer, world)
    let own = OwnFactors(taking: &groups, of: world.rank, exchange, alpha: options.driftCorrection)
    let (rank, ranges) = (world.rank, partition.pieces[world.rank])
    let message = try world.collectively { () throws -> [UInt8] in
      var failure: (any Error)?
      func attempt(_ body: () throws -> Void) { do { try body() } catch { failure = failure ?? error } }
      attempt { try factorAlone(own, exchange, except: together.groups, together.facts) }
      attempt { try factorTogether(own, exchange, together, rank: rank) }
      var message: [UInt8] = []
      // Others wait for the factors of this rank and for what it passes on, not for its rows.
      if failure == nil { attempt { message = try solveAsTheyCome(ranges, members: members, own, exchange) } }
      let names = own.groups.map { layers[$0.group.layers[0]].layer.name }
      timer.add(exchange.finish()) { number in
        let (group, part) = FactorExchange.part(number)
        return "\(part) of \(names[group])"
      }
      if let failure { throw failure }
      return message
    }
    for (group, facts) in zip(groups, try FactorFacts.share(own.facts, of: groups, world)) {
      for member in group.group.layers { quantized[member] = QuantizedLayer(layers[member], facts) }
    }
    return message
  }

  /// Factors every Hessian of the groups that this rank owns, except those that ranks of the node factor together.
  private func factorAlone(
    _ own: OwnFactors, _ exchange: FactorExchange, except together: [Int], _ facts: FactorWorkspace.Facts
  ) throws {
    let groups = own.groups
    let jobs = own.numbers.filter { !together.contains($0) }.flatMap { group in
      (0..<groups[group].group.groups).map { (group: group, hessian: $0) }
    }
    guard !jobs.isEmpty else { return }
    let weights = stackedWeights(groups, Set(jobs.map(\.group)))
    // One thread for each Hessian where there are enough; else several threads factor one together.
    let largest = jobs.map { groups[$0.group].group.columns }.max()!
    let members = min(Team.useful(order: largest), max(1, options.threads / jobs.count))
    let teams = min(options.threads / members, bounds.factorThreads)
    let (run, isOversubscribed) = (FactorSettings(self), facts.isOversubscribed)
    let work = { @Sendable (index: Int) throws -> Void in
      let (group, hessian) = jobs[index]
      do {
        let count = SymmetricMatrix.count(order: groups[group].group.columns)
        let upper = UnsafeMutablePointer<Double>.allocate(capacity: count)
        defer { upper.deallocate() }
        own.writeHessian(group, hessian, to: upper, part: (0, 1), threads: members)
        let cholesky = InverseCholesky(
          order: groups[group].group.columns,
          team: Team(threads: members, columnMembers: isOversubscribed ? 1 : members))
        // U of a group that stays takes H's place first.
        let stays = exchange.staysAtOwner(group)
        let target =
          stays ? UnsafeMutableRawPointer(upper).assumingMemoryBound(to: Float.self) : exchange.inverse(group, hessian)
        let parameters = try run.factor(upper, groups[group], hessian, weights[group], cholesky, to: target) {
          own.writeCrossMoments($0, group, hessian, part: (0, 1), threads: members)
          own.deliverCrossMoments(group)
        }
        let inverse = stays ? Array(UnsafeBufferPointer(start: target, count: count)) : []
        try own.add(parameters, inverse: inverse, group, hessian, threads: members)
      } catch {
        own.fail(group)
        throw error
      }
    }
    if teams > 1 {
      try timer.measure(.factor) { _ = try Parallel.map(jobs.count, threads: teams, work) }
      return
    }
    var failure: (any Error)?
    for index in jobs.indices {
      do { try timer.measure(.factor) { try work(index) } } catch { failure = failure ?? error }
    }
    if let failure { throw failure }
  }

  /// Solves this rank's rows, group by group as factors come, and meanwhile its share of the drift corrections that its place needs.
  ///
  /// - Returns: the message of `ranges`, in line order.
  private func solveAsTheyCome(
    _ ranges: [RowRange], members: [Int], _ own: OwnFactors, _ exchange: FactorExchange
  ) throws -> [UInt8] {
    let groupOfLayer = Dictionary(
      uniqueKeysWithValues: own.groups.enumerated().flatMap { index, group in group.group.layers.map { ($0, index) } })
    let byGroup = Dictionary(grouping: ranges.indices) { groupOfLayer[members[ranges[$0].layer]]! }
    var messages = [[UInt8]](repeating: [], count: ranges.count)
    var unsolved = Set(byGroup.keys)
    var uncorrected = exchange.groups.filter { exchange.layouts[$0].hasDrift }
    var known: [Int: [SharedFactor]] = [:]
    func factors(_ group: Int) throws -> [SharedFactor] {
      if let factors = known[group] { return factors }
      let factors = try exchange.factors(group)
      known[group] = factors
      return factors
    }
    var naps: Naps?
    var arrival: Int64?
    while !unsolved.isEmpty || !uncorrected.isEmpty {
      let failed = unsolved.filter { own.kept($0) == nil && exchange.hasFailed($0) }
      unsolved.subtract(failed)
      uncorrected.removeAll { exchange.hasFailed($0) }
      let correctable = uncorrected.firstIndex { exchange.isCorrectable($0) }
      let ready = unsolved.filter { group in
        own.kept(group) != nil || (exchange.isHere(group) && exchange.hasDrift(group))
      }
      if correctable == nil && ready.isEmpty {
        if unsolved.isEmpty && uncorrected.isEmpty { break }
        // What nobody has made yet is waited for; what is on its way takes the time of the network.
        if arrival == nil, exchange.isAnyTravelling(unsolved.union(uncorrected)) { arrival = timer.now }
        if naps == nil { naps = Naps() }
        naps!.next()
        continue
      }
      if let begin = arrival { timer.add(.broadcast, since: begin) }
      (naps, arrival) = (nil, nil)
      // Other ranks of the node may wait for the correction.
      if let correctable {
        let group = uncorrected.remove(at: correctable)
        try timer.measure(.factor) { exchange.solveDrift(group, try factors(group), threads: options.threads) }
        continue
      }
      let indices = ready.flatMap { byGroup[$0]! }.sorted()
      var (of, drifts) = ([Int: [SharedFactor]](), [Int: [DriftCorrection]]())
      for group in ready {
        let kept = own.kept(group)
        for layer in own.groups[group].group.layers {
          of[layer] = try kept?.factors ?? factors(group)
          drifts[layer] = kept == nil ? exchange.drifts(group) : kept!.drifts
        }
      }
      let solved = try timer.measure(.solve) {
        try solve(indices.map { ranges[$0] }, members: members, factors: of, drifts: drifts)
      }
      for (index, bytes) in zip(indices, solved) { messages[index] = bytes }
      unsolved.subtract(ready)
    }
    return Array(messages.joined())
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
}

/// What a factor depends on besides its Hessian.
struct FactorSettings: Sendable {
  private let layers: [PlannedLayer]
  private let order: ColumnOrder
  private let damping: Double
  /// A layer for whose group a failure is rehearsed.
  private var failing: Int?

  /// Those of a run.
  init(_ run: QuantizationRun) {
    (layers, order, damping) = (run.layers, run.options.factorOrder, run.options.damping)
    if let rehearsal = run.rehearsal, rehearsal.signal == nil, run.stages.indices.contains(rehearsal.stage - 1) {
      failing = run.stages[rehearsal.stage - 1].inputGroups[0].layers[0]
    }
  }

  /// Factors one Hessian, which `upper` holds packed, and writes U to `target`.
  ///
  /// - Parameters:
  ///   - stacks: the matrices of the group's layers, where the order depends on them.
  ///   - whenOrdered: called when all but U is known.
  func factor(
    _ upper: UnsafePointer<Double>, _ group: CalibratedGroup, _ hessian: Int, _ stacks: [[Float]]?,
    _ cholesky: InverseCholesky, to target: UnsafeMutablePointer<Float>,
    whenOrdered: (SharedFactor.Parameters) -> Void
  ) throws -> SharedFactor.Parameters {
    let members = group.group.layers.map { layers[$0] }
    if failing == group.group.layers[0] {
      throw CoordinationError.layer(name: members[0].layer.name, reason: "a failure that is rehearsed")
    }
    do throws(QuantizationError) {
      return try SharedFactor.make(
        upper, order: order, roundingErrors: stacks.map { Self.roundingErrors($0, members, hessian: hessian) },
        damping: damping, cholesky, to: target, whenOrdered: whenOrdered)
    } catch {
      throw CoordinationError.layer(name: members[0].layer.name, reason: error.description)
    }
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
