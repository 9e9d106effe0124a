import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Drift correction") struct DriftCorrectionTests {
  /// Inputs of both networks, C x N, with columns of X̃ that go together as in real inputs.
  private func inputs(_ columns: Int, _ count: Int) -> (float: [[Double]], quantized: [[Double]]) {
    var numbers = SeededNumbers(seed: UInt64(columns))
    let float = (0..<columns).map { _ in (0..<count).map { _ in numbers.uniform() - 0.5 } }
    let quantized = (0..<columns).map { row in
      (0..<count).map { float[row][$0] + 0.4 * float[(row + 1) % columns][$0] + 0.2 * (numbers.uniform() - 0.5) }
    }
    return (float, quantized)
  }

  private func product(_ left: [[Double]], _ right: [[Double]]) -> [[Double]] {
    left.map { row in
      right.map { other in zip(row, other).reduce(0) { $0 + $1.0 * $1.1 } }
    }
  }

  /// M with M A = B for a symmetric positive definite A, by Gauss elimination.
  private func solve(_ b: [[Double]], _ a: [[Double]]) -> [[Double]] {
    let n = a.count
    var (a, b) = (a, b)
    for k in 0..<n {
      for row in 0..<n where row != k {
        let factor = a[row][k] / a[k][k]
        for column in k..<n { a[row][column] -= factor * a[k][column] }
        // Rows of A belong to columns of B, since A is symmetric.
        for index in b.indices { b[index][row] -= factor * b[index][k] }
      }
    }
    return b.map { row in row.indices.map { row[$0] / a[$0][$0] } }
  }

  @Test("shares of several processes make the same scaled moments as one", arguments: [1, 2, 5])
  func shares(count: Int) {
    let order = (0..<70).map { Int32(($0 * 13) % 70) }
    let row = { @Sendable (row: Int, target: UnsafeMutablePointer<Double>) in
      for column in 0..<70 { target[column] = Double(row * 1000 + column) }
    }
    let whole = DriftCorrection.scaled(order: order, unit: 4, alpha: 0.5, threads: 1, row: row)
    var shares = [Float](repeating: .nan, count: whole.count)
    shares.withUnsafeMutableBufferPointer { shares in
      for index in 0..<count {
        DriftCorrection.scaled(
          to: shares.baseAddress!, order: order, unit: 4, alpha: 0.5, threads: 2, part: (index: index, count: count),
          row: row)
      }
    }
    #expect(shares == whole)
    #expect(whole[70 + 1] == Float((1000 + 13) / 8.0))
  }

  private func setup(
    _ columns: Int, damping: Double, order: ColumnOrder = .curvature
  ) throws -> (cross: [[Double]], damped: [[Double]], factor: SharedFactor, float: [[Double]], quantized: [[Double]]) {
    let (float, quantized) = inputs(columns, max(6 * min(columns, 40), 2 * columns))
    let hessian = product(quantized, quantized)
    let cross = product(
      float.indices.map { row in float[row].indices.map { float[row][$0] - quantized[row][$0] } }, quantized)
    let factor = try SharedFactor.make(
      hessian: SymmetricMatrix(order: columns, upper: (0..<columns).flatMap { hessian[$0][$0...] }), order: order,
      damping: damping)
    #expect(factor.escalations == 0)
    let mean = (0..<columns).reduce(0) { $0 + hessian[$1][$1] } / Double(columns)
    var damped = hessian
    for index in 0..<columns { damped[index][index] += damping * mean }
    return (cross, damped, factor, float, quantized)
  }

  private func corrected(_ weights: [Float], _ correction: DriftCorrection, rows: Int) -> [Float] {
    var weights = weights
    weights.withUnsafeMutableBufferPointer { correction.apply(to: $0.baseAddress!, rows: rows) }
    return weights
  }

  @Test(
    "rows become W + alpha W (X - X~) X~^T (H~ + lambda I)^-1", arguments: [1, 7, 40, 150],
    [(0.5, 0.01), (1, 0), (0.25, 0.3)])
  func formula(columns: Int, strength: (alpha: Double, damping: Double)) throws {
    let (cross, damped, factor, _, _) = try setup(columns, damping: strength.damping)
    let update = solve(cross, damped)
    let correction = DriftCorrection(
      crossMoments: cross.flatMap { $0 }, factor: factor, alpha: strength.alpha)
    var numbers = SeededNumbers(seed: 3)
    let weights = (0..<5 * columns).map { _ in Float(numbers.uniform() - 0.5) }
    let result = corrected(weights, correction, rows: 5)
    for row in 0..<5 {
      for column in 0..<columns {
        var expected = Double(weights[row * columns + column])
        for k in 0..<columns { expected += strength.alpha * Double(weights[row * columns + k]) * update[k][column] }
        // float32 U with condition numbers below 1e3, and float32 rows.
        #expect(abs(Double(result[row * columns + column]) - expected) < 1e-4)
      }
    }
  }

  @Test("with alpha 1 and no damping the rows minimize |W X - V X~|^2", arguments: [ColumnOrder.natural, .curvature])
  func leastSquares(order: ColumnOrder) throws {
    let columns = 12
    let (cross, _, factor, float, quantized) = try setup(columns, damping: 0, order: order)
    let correction = DriftCorrection(crossMoments: cross.flatMap { $0 }, factor: factor, alpha: 1)
    var numbers = SeededNumbers(seed: 8)
    let weights = (0..<columns).map { _ in Float(numbers.uniform() - 0.5) }
    let best = corrected(weights, correction, rows: 1)
    func error(_ row: [Float]) -> Double {
      float[0].indices.reduce(0) { sum, sample in
        var difference = 0.0
        for column in 0..<columns {
          difference +=
            Double(weights[column]) * float[column][sample] - Double(row[column]) * quantized[column][sample]
        }
        return sum + difference * difference
      }
    }
    let least = error(best)
    #expect(least < 0.5 * error(weights))
    // Any step away costs: the gradient is zero up to float32, the curvature is not.
    for column in 0..<columns {
      for step: Float in [-0.01, 0.01] {
        var other = best
        other[column] += step
        #expect(error(other) > least)
      }
    }
  }

  @Test("dead columns keep their weights, and rows of equal tiles have equal bits")
  func deadColumns() throws {
    let columns = 33
    var hessian = SymmetricMatrix(
      order: columns, upper: [Double](repeating: 0, count: SymmetricMatrix.count(order: columns)))
    for j in 0..<columns where j != 5 { hessian.upper[SymmetricMatrix.rowStart(j, order: columns)] = Double(j + 1) }
    let factor = try SharedFactor.make(hessian: hessian, order: .curvature)
    var numbers = SeededNumbers(seed: 1)
    let cross = (0..<columns * columns).map { $0 % columns == 5 ? 0 : numbers.uniform() }
    let correction = DriftCorrection(crossMoments: cross, factor: factor, alpha: 0.5)
    for row in 0..<columns { #expect(correction.update[row * columns + 5] == 0) }
    let weights = (0..<64 * columns).map { _ in Float(numbers.uniform() - 0.5) }
    let first = corrected(Array(weights[..<(32 * columns)]), correction, rows: 32)
    let sent = DriftCorrection(columns: columns, update: correction.update)
    #expect(corrected(Array(weights[..<(32 * columns)]), sent, rows: 32) == first)
    for row in 0..<32 { #expect(first[row * columns + 5] == weights[row * columns + 5]) }
  }

  @Test("tiles have the same bits however they are shared out")
  func tiles() throws {
    let (cross, _, factor, _, _) = try setup(150, damping: 0.01, order: .pivot)
    let scaled = DriftCorrection.scaled(crossMoments: cross.flatMap { $0 }, factor: factor, alpha: 1)
    func solved(_ parts: [Range<Int>]) -> [Float] {
      var update = scaled
      update.withUnsafeMutableBufferPointer { update in
        for part in parts { DriftCorrection.solve(update.baseAddress!, tiles: part, factor: factor) }
      }
      return update
    }
    #expect(DriftCorrection.tileCount(columns: 150) == 3)
    #expect(solved([0..<3]) == solved([2..<3, 0..<1, 1..<2]))
    #expect(solved([0..<3]) == solved([0..<2, 2..<3, 3..<3]))
    #expect(solved([0..<3]) != scaled)
  }
}
