import Foundation
import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Shared factor") struct SharedFactorTests {
  /// The largest difference between transpose(U) U H and the identity, with the damped H in processing order.
  static func residual(_ factor: SharedFactor, _ hessian: SymmetricMatrix) -> Double {
    let n = factor.columns
    let damped = hessian.adding(diagonal: factor.damping * hessian.meanDiagonal)
    func u(_ i: Int, _ j: Int) -> Double {
      j < i ? 0 : Double(factor.inverse[SymmetricMatrix.rowStart(i, order: n) + j - i])
    }
    var worst = 0.0
    for i in 0..<n {
      // Row i of inverse(H): sum over k of U[k, i] U[k, :]
      var row = [Double](repeating: 0, count: n)
      for k in 0...i { for j in k..<n { row[j] += u(k, i) * u(k, j) / factor.unit } }
      for j in 0..<n {
        var product = 0.0
        for m in 0..<n { product += row[m] * damped[Int(factor.order[m]), Int(factor.order[j])] }
        worst = max(worst, abs(product - (i == j ? 1 : 0)))
      }
    }
    return worst
  }

  @Test("U is the factor of the inverse Hessian in processing order", arguments: [1, 2, 9, 40], ColumnOrder.allCases)
  func inverse(columns: Int, order: ColumnOrder) throws {
    var numbers = SeededNumbers(seed: UInt64(columns))
    let hessian = numbers.hessian(order: columns, samples: 3 * columns)
    let errors = (0..<columns).map { _ in numbers.uniform() }
    let factor = try SharedFactor.make(hessian: hessian, order: order, roundingErrors: errors, damping: 0.01)
    #expect(factor.escalations == 0)
    #expect(factor.damping == 0.01)
    #expect(factor.order.sorted() == (0..<Int32(columns)).map { $0 })
    // float32 U; the condition number of these is below 1e4.
    #expect(Self.residual(factor, hessian) < 1e-3)
  }

  @Test("the pivots add up to the predicted loss, and a dead column has none")
  func pivots() throws {
    var numbers = SeededNumbers(seed: 5)
    var hessian = numbers.hessian(order: 12, samples: 30)
    let factor = try SharedFactor.make(hessian: hessian, order: .curvature)
    #expect(abs(factor.pivots.reduce(0, +) - factor.predictedLoss) < 1e-12 * factor.predictedLoss)
    for other in 0..<12 {
      hessian.upper[SymmetricMatrix.rowStart(min(4, other), order: 12) + abs(other - 4)] = 0
    }
    let pivots = try SharedFactor.make(hessian: hessian, order: .curvature).pivots
    #expect(pivots.indices.filter { pivots[$0] == 0 } == [4])
  }

  @Test("auto takes the order with the smallest predicted loss")
  func auto() throws {
    var numbers = SeededNumbers(seed: 3)
    let hessian = numbers.hessian(order: 30, samples: 50)
    let errors = (0..<30).map { _ in numbers.uniform() }
    let losses = try [ColumnOrder.sensitivity, .curvature, .pivot].map {
      try SharedFactor.make(hessian: hessian, order: $0, roundingErrors: errors).predictedLoss
    }
    let auto = try SharedFactor.make(hessian: hessian, order: .auto, roundingErrors: errors)
    #expect(auto.predictedLoss == losses.min())
  }

  @Test("equal columns keep their natural order", arguments: [ColumnOrder.curvature, .sensitivity])
  func ties(order: ColumnOrder) throws {
    var hessian = SymmetricMatrix(order: 70, upper: [Double](repeating: 0, count: 70 * 71 / 2))
    for j in 0..<70 { hessian.upper[SymmetricMatrix.rowStart(j, order: 70)] = 4 }
    let errors = [Double](repeating: 1, count: 70)
    let factor = try SharedFactor.make(hessian: hessian, order: order, roundingErrors: errors)
    #expect(factor.order == (0..<70).map { Int32($0) })
    // The smallest pivot of the lowest index is eliminated first, so it is processed last.
    let pivot = try SharedFactor.make(hessian: hessian, order: .pivot)
    #expect(pivot.order == (0..<70).reversed().map { Int32($0) })
  }

  @Test("a minimum pivot order over several blocks is that of unblocked elimination")
  func blockedPivots() throws {
    var numbers = SeededNumbers(seed: 11)
    let n = 150
    let hessian = numbers.hessian(order: n, samples: 2 * n)
    var schur = (0..<n).map { i in (0..<n).map { hessian[i, $0] } }
    var rest = [Int](0..<n)
    var expected: [Int] = []
    while !rest.isEmpty {
      let pivot = rest.min { (schur[$0][$0], $0) < (schur[$1][$1], $1) }!
      rest.removeAll { $0 == pivot }
      expected.append(pivot)
      for i in rest {
        let ratio = schur[i][pivot] / schur[pivot][pivot]
        for j in rest { schur[i][j] -= ratio * schur[pivot][j] }
      }
    }
    #expect(try MinimumPivotOrder.eliminate(hessian) == expected)
  }

  @Test("damping rises tenfold until the factorization succeeds, and is reported")
  func escalation() throws {
    // Rank one minus a little: its smallest eigenvalue is -0.05 of the mean diagonal.
    let n = 12
    var hessian = SymmetricMatrix(order: n, upper: [Double](repeating: 1, count: n * (n + 1) / 2))
    for j in 0..<n { hessian.upper[SymmetricMatrix.rowStart(j, order: n)] = 0.95 }
    let factor = try SharedFactor.make(hessian: hessian, order: .natural, damping: 0.001)
    #expect(factor.escalations == 2)
    #expect(abs(factor.damping - 0.1) < 1e-12)
    #expect(Self.residual(factor, hessian) < 1e-3)
  }

  @Test("no damping at all starts at 1e-8 when the Hessian is singular")
  func escalationFromZero() throws {
    let n = 6
    let hessian = SymmetricMatrix(order: n, upper: [Double](repeating: 1, count: n * (n + 1) / 2))
    let factor = try SharedFactor.make(hessian: hessian, order: .pivot, damping: 0)
    #expect(factor.escalations >= 1)
    #expect(factor.damping >= 1e-8)
  }

  @Test("a Hessian that no damping repairs is an error that names the minor")
  func indefinite() throws {
    var hessian = SymmetricMatrix(order: 3, upper: [1, 0, 0, 1, 0, 1])
    hessian.upper[1] = 1e15
    let error = #expect(throws: QuantizationError.self) {
      _ = try SharedFactor.make(hessian: hessian, order: .natural, damping: 0.01)
    }
    guard case .notPositiveDefinite(let minor, let columns, _, let escalations)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect((minor, columns) == (3, 3))
    #expect(escalations == SharedFactor.maximumEscalations)
    #expect(error!.description.contains("order 3"))
  }

  @Test("NaN, infinity and a negative diagonal are errors that name the place")
  func hostileHessians() {
    for value in [Double.nan, .infinity, -.infinity] {
      var hessian = SymmetricMatrix(order: 3, upper: [1, 0, 0, 1, 0, 1])
      hessian.upper[4] = value
      let error = #expect(throws: QuantizationError.self) {
        _ = try SharedFactor.make(hessian: hessian, order: .auto, damping: 0.01)
      }
      #expect(error?.description.contains("row 1, column 2") == true)
    }
    #expect(throws: QuantizationError.negativeCurvature(column: 1, value: -2)) {
      _ = try SharedFactor.make(
        hessian: SymmetricMatrix(order: 2, upper: [1, 0, -2]), order: .natural, damping: 0.01)
    }
  }

  @Test("Hessians of tiny and huge inputs give the factor of ordinary ones", arguments: [-150, 150])
  func extremeUnits(exponent: Int) throws {
    var numbers = SeededNumbers(seed: 4)
    let hessian = numbers.hessian(order: 20, samples: 40)
    let power = Double(sign: .plus, exponent: 2 * exponent, significand: 1)
    let scaled = SymmetricMatrix(order: 20, upper: hessian.upper.map { $0 * power })
    let (ordinary, extreme) = (
      try SharedFactor.make(hessian: hessian, order: .pivot), try SharedFactor.make(hessian: scaled, order: .pivot)
    )
    #expect(ordinary.inverse == extreme.inverse)
    #expect(ordinary.order == extreme.order)
    #expect(extreme.unit == ordinary.unit * power)
  }

  @Test("a factor survives its buffers, and buffers that are none are refused")
  func buffers() throws {
    var numbers = SeededNumbers(seed: 5)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 7, samples: 20), order: .pivot)
    func remake(
      order: [Int32]? = nil, inverse: FloatStorage? = nil, curvature: [Float]? = nil, unit: Double? = nil
    ) throws(QuantizationError) -> SharedFactor {
      try SharedFactor(
        order: order ?? factor.order, inverse: inverse ?? factor.inverse, curvature: curvature ?? factor.curvature,
        unit: unit ?? factor.unit, damping: factor.damping, escalations: factor.escalations)
    }
    let copy = try remake()
    #expect(copy.predictedLoss == factor.predictedLoss)
    #expect(throws: QuantizationError.self) { _ = try remake(order: [0, 1, 2, 3, 4, 5, 5]) }
    #expect(throws: QuantizationError.self) { _ = try remake(order: [0, 1, 2, 3, 4, 5, 7]) }
    #expect(throws: QuantizationError.self) { _ = try remake(inverse: [1]) }
    #expect(throws: QuantizationError.self) { _ = try remake(inverse: FloatStorage(factor.inverse.map { -$0 })) }
    #expect(throws: QuantizationError.self) { _ = try remake(curvature: []) }
    #expect(throws: QuantizationError.self) { _ = try remake(unit: .nan) }
    #expect(throws: QuantizationError.self) { _ = try remake(order: [], inverse: [], curvature: []) }
  }

  @Test("the search schur weighs a column by its Schur complement, all columns behind it eliminated")
  func schurWeights() throws {
    let n = 12
    var numbers = SeededNumbers(seed: 3)
    let hessian = numbers.hessian(order: n, samples: 40)
    let factor = try SharedFactor.make(hessian: hessian, order: .curvature, damping: 0.01)
    let mean = hessian.diagonal.reduce(0, +) / Double(n)
    var schur = (0..<n).map { i in (0..<n).map { j in hessian[i, j] + (i == j ? 0.01 * mean : 0) } }
    for column in factor.order.reversed().map({ Int($0) }) {
      let pivot = schur[column][column]
      let weight = Double(factor.columnWeights(for: .schur)[column]) * factor.unit
      #expect(abs(weight - pivot) <= 1e-5 * pivot, "column \(column)")  // U is float32
      for i in 0..<n where i != column {
        let share = schur[i][column] / pivot
        for j in 0..<n { schur[i][j] -= share * schur[column][j] }
      }
    }
  }
}
