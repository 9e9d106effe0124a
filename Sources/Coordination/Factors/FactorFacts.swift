import MPI
import Quantization

/// What every rank has to know of the factors of a group, whoever has made them.
struct FactorFacts {
  /// The largest damping that a Hessian needed.
  var damping = 0.0
  /// How often it was raised, at most.
  var escalations = 0
  /// Columns that no input reached, over all Hessians.
  var deadColumns = 0
  /// 1 / U_jj² of each Hessian by column, see `SharedFactor.pivots`.
  var pivots: [Double]
  /// The means of the inputs of each Hessian; empty if biases stay.
  var means: [Double]

  /// Those of factors that this rank has made.
  init(_ factors: [SharedFactor], means: [[Double]], isCentered: Bool) {
    damping = factors.map(\.damping).max() ?? 0
    escalations = factors.map(\.escalations).max() ?? 0
    deadColumns = factors.reduce(0) { $0 + $1.deadColumns.count }
    pivots = factors.flatMap(\.pivots)
    self.means = isCentered ? means.flatMap { $0 } : []
  }

  /// Gives every rank those of all groups, from their owners. Collective.
  static func share(
    _ own: [Int: FactorFacts], of groups: [CalibratedGroup], _ world: borrowing Communicator
  ) throws(MPIError) -> [FactorFacts] {
    let counts = groups.map { group in
      let columns = group.group.columns * group.group.groups
      return (pivots: columns, means: group.isCentered ? columns : 0)
    }
    var message: [Double] = []
    for index in groups.indices where groups[index].owner == world.rank {
      let facts = own[index]!
      message += [facts.damping, Double(facts.escalations), Double(facts.deadColumns)] + facts.pivots + facts.means
    }
    let all = try world.allGatherv(message.span, waiting: .polite)
    var next = all.starts
    return groups.indices.map { index in
      let (owner, count) = (groups[index].owner, counts[index])
      let values = all.elements[next[owner]..<next[owner] + 3 + count.pivots + count.means]
      next[owner] += values.count
      return FactorFacts(values, count.pivots)
    }
  }

  private init(_ values: ArraySlice<Double>, _ pivotCount: Int) {
    let first = values.startIndex
    (damping, escalations, deadColumns) = (values[first], Int(values[first + 1]), Int(values[first + 2]))
    pivots = Array(values[first + 3..<first + 3 + pivotCount])
    means = Array(values[(first + 3 + pivotCount)...])
  }
}
