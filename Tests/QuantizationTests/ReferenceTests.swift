import Foundation
import LinearAlgebra
import Testing

@testable import Quantization

/// Compares with values that Reference/row_solve.py computed in float64 by other ways: an explicit inverse, dense
/// Schur complements, the quadratic form itself.
@Suite("Agreement with the reference") struct ReferenceTests {
  struct Expected: Decodable {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
      let bits: Int
      let symmetric: Bool
      let groupSize: Int
      let order: ColumnOrder
      let method: Method
      let search: GridSearch
      let roundingErrors: [Double]
      let columns: [Int32]
      let predictedLoss: Double
      let codes: [String]
      let scales: [Float]
      let zeroPoints: [UInt8]
      let losses: [Double]

      var scheme: QuantizationScheme {
        QuantizationScheme(bits: bits, symmetric: symmetric, granularity: .group(size: groupSize))
      }
      var testDescription: String { "\(bits) bits, \(order), \(method), \(search)" }
    }
    let seed: UInt64
    let rows: Int
    let columns: Int
    let energies: [Double]
    let cases: [Case]
  }

  static let expected: Expected = {
    let file = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "Reference/row_solve.json")
    do {
      return try JSONDecoder().decode(Expected.self, from: Data(contentsOf: file))
    } catch { fatalError("\(file.path): \(error)") }
  }()

  /// The weights and the Hessian of row_solve.py, drawn in the same order.
  static let problem: (weights: [Float], hessian: SymmetricMatrix) = {
    let (rows, columns, samples) = (expected.rows, expected.columns, 96)
    var numbers = SeededNumbers(seed: expected.seed)
    let weights = (0..<rows * columns).map { _ in Float(numbers.uniform() + numbers.uniform() - 1) }
    let widths = (0..<columns).map { _ in
      let draw = numbers.uniform()
      return Double(1 + Int(20 * draw * draw * draw))
    }
    var upper = [Double](repeating: 0, count: SymmetricMatrix.count(order: columns))
    for _ in 0..<samples {
      let common = Double(Int(7 * numbers.uniform()) - 3)
      var x = (0..<columns).map { j in widths[j] * (Double(Int(9 * numbers.uniform()) - 4) + common) }
      (x[5], x[30]) = (0, 0)
      for i in 0..<columns {
        for j in i..<columns { upper[SymmetricMatrix.rowStart(i, order: columns) + j - i] += x[i] * x[j] }
      }
    }
    return (weights, SymmetricMatrix(order: columns, upper: upper))
  }()

  static func factor(_ expected: Expected.Case) throws -> SharedFactor {
    let errors = SharedFactor.roundingErrors(
      problem.weights, columns: problem.hessian.order, scheme: expected.scheme)
    return try SharedFactor.make(
      hessian: problem.hessian, order: expected.order, roundingErrors: errors, damping: 0.01)
  }

  @Test("column orders, rounding errors and predicted losses", arguments: expected.cases)
  func orders(expected: Expected.Case) throws {
    let errors = SharedFactor.roundingErrors(
      Self.problem.weights, columns: Self.problem.hessian.order, scheme: expected.scheme)
    for (found, wanted) in zip(errors, expected.roundingErrors) {
      // Quotients are rounded in float32 before they are rounded to codes; 12 digits are stored.
      #expect(abs(found - wanted) <= 1e-5 * wanted)
    }
    let factor = try Self.factor(expected)
    #expect(factor.order == expected.columns)
    // U is stored in float32.
    #expect(abs(factor.predictedLoss / expected.predictedLoss - 1) < 1e-6)
    #expect(factor.deadColumns == [5, 30])
  }

  @Test("grids, codes and losses, on every instruction set", arguments: expected.cases)
  func codes(expected: Expected.Case) throws {
    let (rows, columns) = (Self.expected.rows, Self.expected.columns)
    let solver = RowSolver(
      factor: try Self.factor(expected), scheme: expected.scheme, grid: expected.search, method: expected.method)
    for set in InstructionSet.available {
      let block = Self.problem.weights.withUnsafeBufferPointer {
        solver.solveByKernels($0, rows: rows, instructionSet: set)
      }
      var different = 0
      for row in 0..<rows {
        let groups = row * block.groups..<(row + 1) * block.groups
        let sameGrid =
          block.scales[groups] == expected.scales[groups] && block.zeroPoints[groups] == expected.zeroPoints[groups]
        // The kernel's |d|^2.4 is good to 5e-5: neighbours that close may change places.
        #expect(sameGrid || expected.search == .l24, "\(set) row \(row)")
        guard sameGrid else { continue }
        let codes = block.codes[row * columns..<(row + 1) * columns].map { String(format: "%02x", $0) }.joined()
        if codes != expected.codes[row] {
          different += 1
        } else {
          let tolerance = 1e-4 * expected.losses[row] + 1e-9 * Self.expected.energies[row]
          #expect(abs(block.losses[row] - expected.losses[row]) <= tolerance, "\(set) row \(row)")
        }
        #expect(abs(block.energies[row] / Self.expected.energies[row] - 1) < 1e-4, "\(set) row \(row)")
      }
      // One code of 10,000 may differ; these are 3,072.
      #expect(different == 0, "\(set)")
    }
  }

  @Test("searched grids of the plain loops are those of the reference", arguments: expected.cases)
  func grids(expected: Expected.Case) throws {
    let factor = try Self.factor(expected)
    let columns = Self.expected.columns
    let solver = RowSolver(factor: factor, scheme: expected.scheme, grid: expected.search, method: .round)
    let block = Self.problem.weights.withUnsafeBufferPointer { weights in
      PlainRowSolver(solver).solve(UnsafeBufferPointer(rebasing: weights[..<(8 * columns)]), rows: 8)
    }
    #expect(block.scales == [Float](expected.scales[..<block.scales.count]))
    #expect(block.zeroPoints == [UInt8](expected.zeroPoints[..<block.zeroPoints.count]))
  }
}
