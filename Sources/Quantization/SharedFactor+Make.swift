import Foundation
import LinearAlgebra

extension SharedFactor {
  /// How often the damping is raised before giving up.
  static let maximumEscalations = 10

  /// Chooses the column order and factors the damped Hessian.
  ///
  /// A column with a zero diagonal is dead: its diagonal becomes the mean of the others, which touches no other column.
  /// `damping` times the mean diagonal is added to the diagonal; as long as the factorization fails, the damping is
  /// raised tenfold (from 0 to 1e-8). Work is float64; `sensitivity` factors twice, `auto` four or five times.
  ///
  /// - Parameters:
  ///   - hessian: the sum of x transpose(x) over calibration inputs, at any scale.
  ///   - order: how to order the columns.
  ///   - roundingErrors: per column the sum over all rows of (w - Q(w))^2, see `roundingErrors(weights:...)`; needed by
  ///     `sensitivity`; without it `auto` compares the two other orders.
  ///   - damping: a share of the mean diagonal, at least 0.
  ///   - team: who computes; the result does not depend on it.
  /// - Throws: `QuantizationError` when the Hessian is not finite, has a negative diagonal, or is not positive definite
  ///   after ten escalations.
  public static func make(
    hessian: SymmetricMatrix, order: ColumnOrder, roundingErrors: [Double]? = nil, damping: Double = 0.01,
    team: Team = Team()
  ) throws(QuantizationError) -> SharedFactor {
    let columns = hessian.order
    precondition(columns > 0, "a Hessian without columns")
    precondition(damping >= 0 && damping.isFinite, "damping \(damping) is not in 0 ... ")
    precondition(
      roundingErrors == nil || roundingErrors!.count == columns,
      "\(roundingErrors?.count ?? 0) rounding errors for \(columns) columns")
    precondition(order != .sensitivity || roundingErrors != nil, "the order by sensitivity needs rounding errors")

    let cholesky = InverseCholesky(order: columns, team: team)
    var parameters: Parameters?
    let inverse = try hessian.upper.withUnsafeBufferPointer { upper throws(QuantizationError) in
      try storage(count: upper.count) { target throws(QuantizationError) in
        parameters = try make(
          upper.baseAddress!, order: order, roundingErrors: roundingErrors, damping: damping, cholesky, to: target)
      }
    }
    return try SharedFactor(parameters!, inverse: FloatStorage(inverse))
  }

  /// An array of `count` numbers that `body` writes.
  private static func storage(
    count: Int, _ body: (UnsafeMutablePointer<Float>) throws(QuantizationError) -> Void
  ) throws(QuantizationError) -> [Float] {
    var failure: QuantizationError?
    let array = [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
      do throws(QuantizationError) {
        try body(buffer.baseAddress!)
        initialized = count
      } catch { failure = error }
    }
    if let failure { throw failure }
    return array
  }

  /// What a factor is beside U.
  public struct Parameters: Sendable {
    /// `order[k]` is the natural index of the column that is processed k-th.
    public let order: [Int32]
    /// Diagonal of the damped H in units of `unit`, by natural column; zero for a dead column.
    public let curvature: [Float]
    /// What H was divided by.
    public let unit: Double
    /// The share of the mean diagonal that was added to the diagonal.
    public let damping: Double
    /// How often the damping was raised.
    public let escalations: Int

    /// The columns that no calibration input ever reached, in ascending order.
    public var deadColumns: [Int] { curvature.indices.filter { curvature[$0] == 0 } }
  }

  /// A factor whose U was written elsewhere.
  public init(_ parameters: Parameters, inverse: FloatStorage) throws(QuantizationError) {
    try self.init(
      order: parameters.order, inverse: inverse, curvature: parameters.curvature, unit: parameters.unit,
      damping: parameters.damping, escalations: parameters.escalations)
  }

  /// The same for a packed Hessian that is not copied, in memory that several processes may share: every process of the team of
  /// `cholesky` calls it, and gets the same.
  ///
  /// - Parameters:
  ///   - target: where U is written, packed; may be where `upper` is, which is read no more then.
  ///   - whenOrdered: called when all but U is known, before it is computed: in about half of the time.
  public static func make(
    _ upper: UnsafePointer<Double>, order: ColumnOrder, roundingErrors: [Double]? = nil, damping: Double,
    _ cholesky: InverseCholesky, to target: UnsafeMutablePointer<Float>, whenOrdered: (Parameters) -> Void = { _ in }
  ) throws(QuantizationError) -> Parameters {
    let columns = cholesky.order
    try check(upper, columns: columns, cholesky)
    var damped = DampedHessian(diagonal: diagonal(upper, columns), damping: damping)
    while true {
      do {
        try eliminate(damped, upper, order: order, roundingErrors: roundingErrors, cholesky)
        let roots = cholesky.inverseRoots
        // A U that left the range of float32 is as good as singular.
        if let k = roots.firstIndex(where: { !(Float($0) > 0 && Float($0).isFinite) }) {
          throw QuantizationError.malformedFactor("diagonal element \(k) of U is \(Float(roots[k]))")
        }
        let order = cholesky.processing.map { Int32($0) }
        let parameters = Parameters(
          order: order, curvature: damped.curvature, unit: damped.unit, damping: damped.damping,
          escalations: damped.escalations)
        whenOrdered(parameters)
        cholesky.writeInverse(to: target)
        return parameters
      } catch let error as CholeskyError {
        let minor =
          switch error {
          case .notPositiveDefinite(let order): order
          }
        guard damped.escalations < maximumEscalations else {
          throw .notPositiveDefinite(
            minor: minor, columns: columns, damping: damped.damping, escalations: damped.escalations)
        }
      } catch let error as QuantizationError {
        guard damped.escalations < maximumEscalations else { throw error }
      } catch { preconditionFailure("\(error)") }
      damped.escalate()
    }
  }

  private static func diagonal(_ upper: UnsafePointer<Double>, _ columns: Int) -> [Double] {
    (0..<columns).map { upper[SymmetricMatrix.rowStart($0, order: columns)] }
  }

  private static func check(
    _ upper: UnsafePointer<Double>, columns: Int, _ cholesky: InverseCholesky
  ) throws(QuantizationError) {
    // Only a failure looks for the place.
    if !cholesky.isFinite(upper) {
      for row in 0..<columns {
        let start = SymmetricMatrix.rowStart(row, order: columns) - row
        for column in row..<columns where !upper[start + column].isFinite {
          throw .hessianNotFinite(row: row, column: column, value: upper[start + column])
        }
      }
    }
    for (column, value) in diagonal(upper, columns).enumerated() where value < 0 {
      throw .negativeCurvature(column: column, value: value)
    }
  }

  /// Factors in the order that was asked for.
  private static func eliminate(
    _ damped: DampedHessian, _ upper: UnsafePointer<Double>, order: ColumnOrder, roundingErrors: [Double]?,
    _ cholesky: InverseCholesky
  ) throws(CholeskyError) {
    let natural = [Int](0..<damped.isDead.count)
    let source = TiledFactor.Source(
      upper: upper, unit: damped.unit, diagonal: damped.dampedDiagonal,
      isolated: natural.filter { damped.isDead[$0] })
    // Nil: pivots are chosen.
    var candidates: [[Int]?] = order == .pivot || order == .auto ? [nil] : []
    if order == .natural { candidates.append(natural) }
    if order == .sensitivity || order == .auto, let roundingErrors {
      try cholesky.eliminate(source, processing: natural)
      let inverseDiagonal = cholesky.inverseDiagonal()
      let scores = natural.map { damped.isDead[$0] ? 0 : roundingErrors[$0] / inverseDiagonal[$0] }
      candidates.append(ColumnOrder.descending(scores))
    }
    if order == .curvature || order == .auto {
      let diagonal = damped.dampedDiagonal
      candidates.append(ColumnOrder.descending(natural.map { damped.isDead[$0] ? 0 : diagonal[$0] }))
    }
    func eliminate(_ candidate: [Int]?) throws(CholeskyError) {
      if let candidate {
        try cholesky.eliminate(source, processing: candidate)
      } else {
        try cholesky.eliminate(minimumPivots: source)
      }
    }
    var (best, loss) = (0, Double.infinity)
    for (index, candidate) in candidates.enumerated() {
      try eliminate(candidate)
      if index == 0 || cholesky.predictedLoss < loss { (best, loss) = (index, cholesky.predictedLoss) }
    }
    // There is memory for one factor.
    if best < candidates.count - 1 { try eliminate(candidates[best]) }
  }
}

/// The diagonal of a Hessian in units near its mean, with dead columns replaced and a damping that can be raised.
private struct DampedHessian {
  let unit: Double
  let isDead: [Bool]
  private let diagonal: [Double]
  private let mean: Double
  private(set) var damping: Double
  private(set) var escalations = 0

  init(diagonal: [Double], damping: Double) {
    let live = diagonal.count { $0 > 0 }
    // Divided before it is added up: the sum of n finite numbers need not be finite.
    let mean = live == 0 ? 1 : diagonal.reduce(0) { $0 + $1 / Double(live) }
    // A power of four has an exact root; dividing by a power of two rounds nothing.
    let exponent = Int((Double(mean.exponent) / 2).rounded(.down)) * 2
    let unit = Double(sign: .plus, exponent: exponent, significand: 1)
    (self.unit, self.damping) = (unit, damping)
    // A true Hessian has nothing beside a zero diagonal; a file or a rounding error may.
    isDead = diagonal.map { $0 == 0 }
    self.mean = mean / unit
    self.diagonal = diagonal.map { $0 == 0 ? mean / unit : $0 / unit }
  }

  /// The diagonal that is factored.
  var dampedDiagonal: [Double] { diagonal.map { $0 + damping * mean } }

  mutating func escalate() {
    damping = damping == 0 ? 1e-8 : damping * 10
    escalations += 1
  }

  /// The damped diagonal, zero for dead columns; what float32 would round to zero stays above it.
  var curvature: [Float] {
    zip(isDead, dampedDiagonal).map { $0 ? 0 : max(Float($1), .leastNormalMagnitude) }
  }
}
