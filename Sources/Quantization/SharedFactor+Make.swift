import Foundation
import LinearAlgebra

extension SharedFactor {
  /// How often the damping is raised before giving up.
  static let maximumEscalations = 10

  /// Chooses the column order and factors the damped Hessian.
  ///
  /// A column with a zero diagonal is dead: its diagonal becomes the mean of the others, which touches no other column.
  /// `damping` times the mean diagonal is added to the diagonal; as long as the factorization fails, the damping is
  /// raised tenfold (from 0 to 1e-8). Work is float64 on one thread; `sensitivity` factors twice, `auto` four times.
  ///
  /// - Parameters:
  ///   - hessian: the sum of x transpose(x) over calibration inputs, at any scale.
  ///   - order: how to order the columns.
  ///   - roundingErrors: per column the sum over all rows of (w - Q(w))^2, see `roundingErrors(weights:...)`; needed by
  ///     `sensitivity`; without it `auto` compares the two other orders.
  ///   - damping: a share of the mean diagonal, at least 0.
  /// - Throws: `QuantizationError` when the Hessian is not finite, has a negative diagonal, or is not positive definite
  ///   after ten escalations.
  public static func make(
    hessian: SymmetricMatrix, order: ColumnOrder, roundingErrors: [Double]? = nil, damping: Double = 0.01
  ) throws(QuantizationError) -> SharedFactor {
    let columns = hessian.order
    precondition(columns > 0, "a Hessian without columns")
    precondition(damping >= 0 && damping.isFinite, "damping \(damping) is not in 0 ... ")
    precondition(
      roundingErrors == nil || roundingErrors!.count == columns,
      "\(roundingErrors?.count ?? 0) rounding errors for \(columns) columns")
    precondition(order != .sensitivity || roundingErrors != nil, "the order by sensitivity needs rounding errors")

    var damped = DampedHessian(try checked(hessian), damping: damping)
    while true {
      damped.apply()
      do {
        let factor = try factored(damped, order: order, roundingErrors: roundingErrors)
        let processing = factor.processing.map { Int32($0) }
        return try SharedFactor(
          order: processing, inverse: FloatStorage(factor.inverse()), curvature: damped.curvature, unit: damped.unit,
          damping: damped.damping, escalations: damped.escalations)
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
        // U left the range of float32: as good as singular.
        guard damped.escalations < maximumEscalations else { throw error }
      } catch { preconditionFailure("\(error)") }
      damped.escalate()
    }
  }

  private static func checked(_ hessian: SymmetricMatrix) throws(QuantizationError) -> SymmetricMatrix {
    let columns = hessian.order
    // A product with zero is NaN exactly where an element is not finite; only a failure looks for the place.
    var sum = 0.0
    for value in hessian.upper { sum += value * 0 }
    if !(sum == 0) {
      for row in 0..<columns {
        for column in row..<columns where !hessian[row, column].isFinite {
          throw .hessianNotFinite(row: row, column: column, value: hessian[row, column])
        }
      }
    }
    for (column, value) in hessian.diagonal.enumerated() where value < 0 {
      throw .negativeCurvature(column: column, value: value)
    }
    return hessian
  }

  /// The factorization in the order that was asked for.
  private static func factored(
    _ damped: DampedHessian, order: ColumnOrder, roundingErrors: [Double]?
  ) throws(CholeskyError) -> InverseCholesky {
    let natural = [Int](0..<damped.matrix.order)
    var candidates: [[Int]] = []
    if order == .natural { candidates.append(natural) }
    if order == .sensitivity || order == .auto, let roundingErrors {
      let inverseDiagonal = try InverseCholesky(damped.matrix, processing: natural).inverseDiagonal()
      let scores = natural.map { damped.isDead[$0] ? 0 : roundingErrors[$0] / inverseDiagonal[$0] }
      candidates.append(ColumnOrder.descending(scores))
    }
    if order == .curvature || order == .auto {
      let diagonal = damped.matrix.diagonal
      candidates.append(ColumnOrder.descending(natural.map { damped.isDead[$0] ? 0 : diagonal[$0] }))
    }
    var best =
      order == .pivot || order == .auto
      ? try InverseCholesky(minimumPivots: damped.matrix)
      : try InverseCholesky(damped.matrix, processing: candidates.removeFirst())
    for candidate in candidates {
      let other = try InverseCholesky(damped.matrix, processing: candidate)
      if other.predictedLoss < best.predictedLoss { best = other }
    }
    return best
  }
}

/// A Hessian in units near its mean diagonal, with dead columns replaced and a damping that can be raised.
private struct DampedHessian {
  private(set) var matrix: SymmetricMatrix
  let unit: Double
  let isDead: [Bool]
  private let diagonal: [Double]
  private let mean: Double
  private(set) var damping: Double
  private(set) var escalations = 0

  init(_ hessian: SymmetricMatrix, damping: Double) {
    let n = hessian.order
    let diagonal = hessian.diagonal
    let live = diagonal.count { $0 > 0 }
    // Divided before it is added up: the sum of n finite numbers need not be finite.
    let mean = live == 0 ? 1 : diagonal.reduce(0) { $0 + $1 / Double(live) }
    // A power of four has an exact root; dividing by a power of two rounds nothing.
    let exponent = Int((Double(mean.exponent) / 2).rounded(.down)) * 2
    let unit = Double(sign: .plus, exponent: exponent, significand: 1)
    (self.unit, self.damping) = (unit, damping)
    isDead = diagonal.map { $0 == 0 }
    self.mean = mean / unit
    self.diagonal = diagonal.map { $0 == 0 ? mean / unit : $0 / unit }
    matrix = SymmetricMatrix(order: n, upper: hessian.upper.map { $0 / unit })
    // A true Hessian has nothing beside a zero diagonal; a file or a rounding error may.
    for dead in isDead.indices where isDead[dead] {
      for other in 0..<n where other != dead {
        let (low, high) = (min(dead, other), max(dead, other))
        matrix.upper[SymmetricMatrix.rowStart(low, order: n) + high - low] = 0
      }
    }
  }

  /// Writes the diagonal, damped.
  mutating func apply() {
    let n = matrix.order
    for j in 0..<n { matrix.upper[SymmetricMatrix.rowStart(j, order: n)] = diagonal[j] + damping * mean }
  }

  mutating func escalate() {
    damping = damping == 0 ? 1e-8 : damping * 10
    escalations += 1
  }

  /// The damped diagonal, zero for dead columns; what float32 would round to zero stays above it.
  var curvature: [Float] {
    isDead.indices.map { isDead[$0] ? 0 : max(Float(diagonal[$0] + damping * mean), .leastNormalMagnitude) }
  }
}
