import LinearAlgebra

/// What all rows of an input group share: the column order and the inverse Hessian, factored.
///
/// With P the permutation of `order` and H the damped Hessian, P inverse(H) transpose(P) = transpose(U) U / unit, U
/// upper triangular. Everything is stored in units of `unit`, a power of four near the mean diagonal of H, so that
/// float32 holds it whatever the scale of the inputs.
///
/// A factor travels between ranks as three buffers (`order`, `inverse`, `curvature`) and three numbers (`unit`,
/// `damping`, `escalations`); the public initializer makes it again from these.
public struct SharedFactor: Sendable {
  /// Number of columns C.
  public let columns: Int
  /// `order[k]` is the natural index of the column that is processed k-th.
  public let order: [Int32]
  /// U, packed: row after row in processing order, row k holding the columns k ..< C; C (C + 1) / 2 elements.
  public let inverse: FloatStorage
  /// Diagonal of the damped H in units of `unit`, by natural column; zero for a dead column, whose weights quantize to 0.
  public let curvature: [Float]
  /// The damped H is `unit` times the matrix that `inverse` and `curvature` describe.
  public let unit: Double
  /// The share of the mean diagonal that was added to the diagonal.
  public let damping: Double
  /// How often the damping was raised tenfold before the factorization succeeded.
  public let escalations: Int

  /// Makes a factor from the buffers of another.
  ///
  /// - Throws: `QuantizationError.malformedFactor` when the sizes do not fit, `order` is not a permutation, or a
  ///   diagonal element of U is not positive.
  public init(
    order: [Int32], inverse: FloatStorage, curvature: [Float], unit: Double, damping: Double, escalations: Int
  ) throws(QuantizationError) {
    let columns = order.count
    guard columns > 0 else { throw .malformedFactor("it has no columns") }
    guard inverse.count == SymmetricMatrix.count(order: columns), curvature.count == columns else {
      throw .malformedFactor("\(inverse.count) and \(curvature.count) elements for \(columns) columns")
    }
    guard unit > 0, unit.isFinite else { throw .malformedFactor("a unit of \(unit)") }
    var seen = [Bool](repeating: false, count: columns)
    for column in order {
      guard let index = Int(exactly: column), seen.indices.contains(index), !seen[index] else {
        throw .malformedFactor("its order is not a permutation: column \(column) of \(columns)")
      }
      seen[index] = true
    }
    for k in 0..<columns {
      let pivot = inverse[SymmetricMatrix.rowStart(k, order: columns)]
      guard pivot > 0, pivot.isFinite else { throw .malformedFactor("diagonal element \(k) of U is \(pivot)") }
    }
    self.columns = columns
    (self.order, self.inverse, self.curvature) = (order, inverse, curvature)
    (self.unit, self.damping, self.escalations) = (unit, damping, escalations)
  }

  /// sum(1 / U_jj^2) in the units of H: with a step s everywhere, s^2 / 12 of it is the expected loss of a row.
  public var predictedLoss: Double {
    var sum = 0.0
    for k in 0..<columns {
      let pivot = Double(inverse[SymmetricMatrix.rowStart(k, order: columns)])
      sum += 1 / (pivot * pivot)
    }
    return sum * unit
  }

  /// 1 / U_jj² in the units of H, by natural column: how much of a squared error at the column is left when the columns
  /// behind it have compensated for it. 0 for a dead column.
  public var pivots: [Double] {
    var pivots = [Double](repeating: 0, count: columns)
    for (k, column) in order.enumerated() where curvature[Int(column)] != 0 {
      let diagonal = Double(inverse[SymmetricMatrix.rowStart(k, order: columns)])
      pivots[Int(column)] = unit / (diagonal * diagonal)
    }
    return pivots
  }

  /// What `search` weighs the squared error of each natural column by: the curvature, or for `schur` 1 / U_jj^2; zero for
  /// a dead column.
  public func columnWeights(for search: GridSearch) -> [Float] {
    guard search == .schur else { return curvature }
    var weights = curvature
    for k in 0..<columns where curvature[Int(order[k])] > 0 {
      let pivot = inverse[SymmetricMatrix.rowStart(k, order: columns)]
      weights[Int(order[k])] = max(1 / (pivot * pivot), .leastNormalMagnitude)
    }
    return weights
  }

  /// The columns that no calibration input ever reached, in ascending order.
  public var deadColumns: [Int] { curvature.indices.filter { curvature[$0] == 0 } }
}
