import Calibration
import LinearAlgebra
import Quantization
import Synchronization

/// The groups that a rank owns, from their sums to factors that others can have, Hessian by Hessian and by any of its threads; and those
/// whose sums it can read, which it helps the other ranks of its node with.
final class OwnFactors: Sendable {
  /// One group at work.
  private struct Work {
    let isOwn: Bool
    var sums: ReadStorage<Int64>
    var crossSums: ReadStorage<Int64>
    var parameters: [SharedFactor.Parameters?]
    /// U of each Hessian, where it is no one else's.
    var inverses: [[Float]]
    var means: [[Double]]
    var hessiansLeft: Int
    /// Hessians whose cross moments are not written yet.
    var crossMomentsLeft: Int
    var hasFailed = false
  }

  /// Factors that stay here.
  struct Kept: Sendable {
    let factors: [SharedFactor]
    let drifts: [DriftCorrection]?
  }

  private struct State {
    var work: [Int: Work] = [:]
    var kept: [Int: Kept] = [:]
    var facts: [Int: FactorFacts] = [:]
  }

  /// The groups of the wave, without their sums.
  let groups: [CalibratedGroup]
  private let exchange: FactorExchange
  private let alpha: Double
  private let state: Mutex<State>

  /// Takes the sums of the groups that `rank` owns or helps with.
  ///
  /// - Parameter alpha: how far weights are moved against the drift of their inputs.
  init(taking groups: inout [CalibratedGroup], of rank: Int, _ exchange: FactorExchange, alpha: Double) {
    var state = State()
    for index in groups.indices {
      if groups[index].owner == rank || !groups[index].sums.isEmpty {
        let hessians = groups[index].group.groups
        state.work[index] = Work(
          isOwn: groups[index].owner == rank, sums: groups[index].sums, crossSums: groups[index].crossSums,
          parameters: Array(repeating: nil, count: hessians), inverses: Array(repeating: [], count: hessians),
          means: Array(repeating: [], count: hessians), hessiansLeft: hessians,
          crossMomentsLeft: hessians)
      }
      (groups[index].sums, groups[index].crossSums) = ([], [])
    }
    (self.groups, self.exchange, self.alpha) = (groups, exchange, alpha)
    self.state = Mutex(state)
  }

  /// The numbers of the groups that this rank owns, ascending.
  var numbers: [Int] { state.withLock { $0.work.filter(\.value.isOwn).keys.sorted() } }

  /// The factors of a group that stays here, once it is made.
  func kept(_ group: Int) -> Kept? { state.withLock { $0.kept[group] } }

  /// What is to be known of the groups that are made.
  var facts: [Int: FactorFacts] { state.withLock { $0.facts } }

  /// Writes a share of H of one Hessian, packed, about the mean where the group is centered.
  func writeHessian(
    _ group: Int, _ hessian: Int, to upper: UnsafeMutablePointer<Double>, part: (index: Int, count: Int), threads: Int
  ) {
    let calibrated = groups[group]
    let rows = MomentRows(
      group: calibrated.group, sums: state.withLock { $0.work[group]!.sums }, scale: calibrated.scale,
      columnCount: calibrated.columnCount)
    let mean = rows.mean(hessian: hessian)
    rows.write(
      hessian: hessian, about: calibrated.isCentered ? mean : nil, to: upper, threads: threads, part: part)
    state.withLock { state in
      state.work[group]!.means[hessian] = mean
      // The last one: nobody needs the sums any more.
      if state.work[group]!.means.allSatisfy({ !$0.isEmpty }) { state.work[group]!.sums = [] }
    }
  }

  /// Writes a share of the scaled cross moments of one Hessian where all have them; nothing where there are none, or where they
  /// stay here.
  func writeCrossMoments(
    _ parameters: SharedFactor.Parameters, _ group: Int, _ hessian: Int, part: (index: Int, count: Int), threads: Int
  ) {
    guard !exchange.staysAtOwner(group),
      let moments = state.withLock({ crossMoments(group, hessian, $0.work[group]!, parameters) })
    else { return }
    DriftCorrection.scaled(
      to: exchange.crossMoments(group, hessian), order: parameters.order, unit: parameters.unit, alpha: alpha,
      threads: threads, part: part
    ) { row, target in moments.write(row: row, to: target) }
  }

  /// Says that all shares of the cross moments of one more Hessian are written: with the last one of its group, they are on their way.
  func deliverCrossMoments(_ group: Int) {
    if exchange.staysAtOwner(group) || groups[group].crossScale == nil { return }
    let complete = state.withLock { state in
      state.work[group]!.crossMomentsLeft -= 1
      if state.work[group]!.crossMomentsLeft > 0 { return false }
      state.work[group]!.crossSums = []
      return true
    }
    if complete { exchange.deliver(group, .corrections) }
  }

  /// The cross moments of one Hessian; nil if the group has none.
  private func crossMoments(
    _ group: Int, _ hessian: Int, _ work: Work, _ parameters: SharedFactor.Parameters
  ) -> CrossMoments? {
    let calibrated = groups[group]
    guard let scale = calibrated.crossScale else { return nil }
    var moments = CrossMoments(
      of: calibrated.group, hessian, sums: work.crossSums, scale: scale, columnCount: calibrated.columnCount)
    if calibrated.isCentered { moments.center(about: work.means[hessian], constants: parameters.deadColumns) }
    return moments
  }

  /// Takes the factor of one Hessian; with the last one of its group, the group is complete and on its way.
  ///
  /// - Parameter inverse: U, unless it was written where `exchange` has it.
  func add(
    _ parameters: SharedFactor.Parameters, inverse: [Float] = [], _ group: Int, _ hessian: Int, threads: Int
  ) throws {
    let complete = state.withLock { state in
      state.work[group]!.parameters[hessian] = parameters
      state.work[group]!.inverses[hessian] = inverse
      state.work[group]!.hessiansLeft -= 1
      return state.work[group]!.hessiansLeft == 0
    }
    if complete { try self.complete(group, threads: threads) }
  }

  /// Says that one Hessian has no factor.
  func fail(_ group: Int) {
    let (complete, corrections) = state.withLock { state in
      state.work[group]!.hasFailed = true
      state.work[group]!.hessiansLeft -= 1
      return (state.work[group]!.hessiansLeft == 0, state.work[group]!.crossMomentsLeft > 0)
    }
    if complete { exchange.fail(group, corrections: corrections) }
  }

  private func complete(_ group: Int, threads: Int) throws {
    let work = state.withLock { state in
      let work = state.work[group]!
      (state.work[group]!.crossSums, state.work[group]!.inverses) = ([], [])
      return work
    }
    if work.hasFailed { return exchange.fail(group, corrections: work.crossMomentsLeft > 0) }
    do {
      let stays = exchange.staysAtOwner(group)
      let factors: [SharedFactor]
      if stays {
        factors = try zip(work.parameters, work.inverses).map { parameters, inverse in
          try SharedFactor(parameters!, inverse: FloatStorage(inverse))
        }
      } else {
        for (hessian, parameters) in work.parameters.enumerated() { exchange.write(parameters!, group, hessian) }
        factors = try exchange.factors(group)
      }
      let facts = FactorFacts(factors, means: work.means, isCentered: groups[group].isCentered)
      let drifts = stays ? drifts(group, work, factors, threads: threads) : nil
      state.withLock { state in
        state.facts[group] = facts
        if stays { state.kept[group] = Kept(factors: factors, drifts: drifts) }
      }
      if !stays { exchange.deliver(group, .factors) }
    } catch {
      exchange.fail(group, corrections: work.crossMomentsLeft > 0)
      throw error
    }
  }

  /// The corrections of a group that stays here; nil if it has none.
  private func drifts(_ group: Int, _ work: Work, _ factors: [SharedFactor], threads: Int) -> [DriftCorrection]? {
    if groups[group].crossScale == nil { return nil }
    return factors.indices.map { hessian in
      let factor = factors[hessian]
      let moments = crossMoments(group, hessian, work, work.parameters[hessian]!)!
      var update = DriftCorrection.scaled(
        order: factor.order, unit: factor.unit, alpha: alpha, threads: threads
      ) { row, target in moments.write(row: row, to: target) }
      update.withUnsafeMutableBufferPointer { update in
        let target = Parallel.Target(update.baseAddress!)
        let tiles = DriftCorrection.tileCount(columns: factor.columns)
        let parts = min(threads, tiles)
        Parallel.forEach(parts, threads: threads) { part in
          DriftCorrection.solve(
            target.base, tiles: part * tiles / parts..<(part + 1) * tiles / parts, factor: factor)
        }
      }
      return DriftCorrection(columns: factor.columns, update: FloatStorage(update))
    }
  }
}
