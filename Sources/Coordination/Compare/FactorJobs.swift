import Calibration
import Graphs
import LinearAlgebra
import MPI
import Quantization

/// What of a variant its shared factors depend on; variants of one key use the same factors.
struct FactorKey: Hashable, Sendable {
  let order: ColumnOrder
  let damping: Double
  let isCentered: Bool
  /// The bits, where the order depends on rounding errors; nil elsewhere.
  let bits: Int?

  /// The key of a variant.
  init(_ variant: CompareVariant) {
    (order, damping, isCentered) = (variant.order, variant.damping, variant.correctsBias)
    bits = order == .sensitivity || order == .auto ? variant.bits : nil
  }
}

/// The factorizations of a stage for one or more keys, spread over ranks and threads.
struct FactorJobs {
  /// The factors of a key, by group and Hessian.
  struct Result: Sendable {
    var factors: [[SharedFactor]]
    /// Seconds on this rank.
    var processor = 0.0
    var wall = 0.0
  }

  let source: any LayerSource
  let groups: [InputGroup]
  let moments: StageMoments
  let threads: Int

  /// The factors for each key, on every rank. Collective.
  ///
  /// - Parameter planned: the layers under the scheme of a key, for the orders by rounding errors.
  func factors(
    _ keys: [FactorKey], planned: (FactorKey) -> [Int: PlannedLayer], _ world: borrowing Communicator
  ) throws -> [Result] {
    let jobs = keys.indices.flatMap { key in
      groups.indices.flatMap { group in (0..<groups[group].groups).map { (key: key, group: group, hessian: $0) } }
    }
    let costs = jobs.map { job in
      let columns = Double(groups[job.group].columns)
      return columns * columns * columns
    }
    let owners = OwnerAssignment.owners(costs: costs, ranks: world.size)
    let own = jobs.indices.filter { owners[$0] == world.rank }
    let plans = keys.map { $0.bits == nil ? [:] : planned($0) }
    let start = ContinuousClock.now
    let made: [(factor: SharedFactor, seconds: Double)] = try world.collectively {
      try Parallel.map(own.count, threads: threads) { index throws -> (factor: SharedFactor, seconds: Double) in
        let job = jobs[own[index]]
        let begin = ThreadClock.seconds
        let factor = try factor(keys[job.key], groups[job.group], job.group, job.hessian, plans[job.key])
        return (factor, ThreadClock.seconds - begin)
      }
    }
    let wall = (ContinuousClock.now - start).seconds
    let processor = made.reduce(0) { $0 + $1.seconds }
    var results = keys.map { _ in Result(factors: groups.map { _ in [] }) }
    var next = 0
    for (index, job) in jobs.enumerated() {
      var factor: SharedFactor?
      if owners[index] == world.rank {
        factor = made[next].factor
        results[job.key].processor += made[next].seconds
        if processor > 0 { results[job.key].wall += wall * made[next].seconds / processor }
        next += 1
      }
      let received = try SharedFactor.broadcast(
        factor, columns: groups[job.group].columns, root: owners[index], world)
      results[job.key].factors[job.group].append(received)
    }
    return results
  }

  private func factor(
    _ key: FactorKey, _ group: InputGroup, _ index: Int, _ hessian: Int, _ planned: [Int: PlannedLayer]
  ) throws -> SharedFactor {
    var moments = moments.groups[index][hessian]
    if key.isCentered, source.hasBiases(group) { moments.center() }
    let errors = key.bits.map { _ in
      FactorSettings.roundingErrors(
        group.layers.map { source.matrix($0) }, group.layers.map { planned[$0]! }, hessian: hessian)
    }
    do {
      return try SharedFactor.make(
        hessian: moments.hessian, order: key.order, roundingErrors: errors, damping: key.damping)
    } catch {
      throw CoordinationError.layer(name: source.layers[group.layers[0]].name, reason: error.description)
    }
  }
}

extension SharedFactor {
  /// The factor that `root` passes, on every rank. Collective; `columns` are those of the factor.
  static func broadcast(
    _ own: SharedFactor?, columns: Int, root: Int, _ world: borrowing Communicator
  ) throws -> SharedFactor {
    if world.size == 1 { return own! }
    var order = own?.order ?? [Int32](repeating: 0, count: columns)
    var inverse = own.map { Array($0.inverse) } ?? [Float](repeating: 0, count: SymmetricMatrix.count(order: columns))
    var curvature = own?.curvature ?? [Float](repeating: 0, count: columns)
    var scalars: [Double] = own.map { [$0.unit, $0.damping, Double($0.escalations)] } ?? [0, 0, 0]
    try world.barrier(waiting: .polite)
    try world.broadcast(&order, root: root)
    try world.broadcast(&inverse, root: root)
    try world.broadcast(&curvature, root: root)
    try world.broadcast(&scalars, root: root)
    if let own { return own }
    return try SharedFactor(
      order: order, inverse: FloatStorage(inverse), curvature: curvature, unit: scalars[0], damping: scalars[1],
      escalations: Int(scalars[2]))
  }
}
