import Foundation
import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Hostile numbers") struct HostileNumericsTests {
  static let schemes = [
    QuantizationScheme(bits: 2, symmetric: false, granularity: .channel),
    QuantizationScheme(bits: 4, symmetric: true, granularity: .group(size: 8)),
    QuantizationScheme(bits: 3, symmetric: false, granularity: .group(size: 5), scaleType: .float16),
    QuantizationScheme(bits: 8, symmetric: false, granularity: .channel, scaleType: .bfloat16),
  ]

  /// Solves with all searches, methods and instruction sets, and checks what always holds.
  static func solveAll(
    _ factor: SharedFactor, _ weights: [Float], _ scheme: QuantizationScheme, check: (RowBlock, String) -> Void
  ) {
    for grid in GridSearch.allCases {
      for method in Method.allCases {
        let solver = RowSolver(factor: factor, scheme: scheme, grid: grid, method: method)
        for set in InstructionSet.available {
          let block = weights.withUnsafeBufferPointer {
            solver.solveByKernels($0, rows: weights.count / factor.columns, instructionSet: set)
          }
          let what = "\(set) \(grid) \(method)"
          #expect(block.scales.allSatisfy { $0.isFinite && $0 > 0 }, "\(what)")
          #expect(block.scales.allSatisfy { scheme.scaleType.rounded($0) == $0 }, "\(what)")
          #expect(block.codes.allSatisfy { $0 <= scheme.largestCode }, "\(what)")
          #expect(block.zeroPoints.allSatisfy { $0 <= scheme.largestCode }, "\(what)")
          #expect(!scheme.symmetric || block.zeroPoints.allSatisfy { $0 == 1 << (scheme.bits - 1) }, "\(what)")
          #expect(block.losses.allSatisfy { $0.isFinite && $0 >= 0 }, "\(what)")
          #expect(block.energies.allSatisfy { $0.isFinite && $0 >= 0 }, "\(what)")
          check(block, what)
        }
      }
    }
  }

  @Test("rows of zeros stand for zeros and lose nothing", arguments: schemes)
  func zeroRows(scheme: QuantizationScheme) throws {
    var numbers = SeededNumbers(seed: 6)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 16, samples: 30), order: .auto)
    Self.solveAll(factor, [Float](repeating: 0, count: 3 * 16), scheme) { block, what in
      #expect(block.dequantized().allSatisfy { $0 == 0 }, "\(what)")
      #expect(block.losses.allSatisfy { $0 == 0 }, "\(what)")
      #expect(block.energies.allSatisfy { $0 == 0 }, "\(what)")
    }
  }

  @Test("tiny and huge weights quantize like ordinary ones", arguments: [-100, 100])
  func extremeWeights(exponent: Int) throws {
    var numbers = SeededNumbers(seed: 8)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 16, samples: 30), order: .pivot)
    let weights = numbers.normals(5 * 16)
    let power = Float(sign: .plus, exponent: exponent, significand: 1)
    for scheme in Self.schemes.prefix(2) {
      var ordinary: [[UInt8]] = []
      Self.solveAll(factor, weights, scheme) { block, _ in ordinary.append(block.codes) }
      var index = 0
      Self.solveAll(factor, weights.map { $0 * power }, scheme) { block, what in
        #expect(block.codes == ordinary[index], "\(what)")
        index += 1
      }
    }
    for scheme in Self.schemes.suffix(2) { Self.solveAll(factor, weights.map { $0 * power }, scheme) { _, _ in } }
  }

  @Test(
    "the smallest and the largest floats give finite results",
    arguments: [Float.leastNonzeroMagnitude, 1e-40, 1e-30, 1e30, 1e38])
  func limits(magnitude: Float) throws {
    let factor = try SharedFactor.make(
      hessian: SymmetricMatrix(order: 2, upper: [1, 0.5, 1]), order: .natural, damping: 0.01)
    for scheme in Self.schemes { Self.solveAll(factor, [magnitude, -magnitude, magnitude, 0], scheme) { _, _ in } }
  }

  @Test("duplicate columns share their error", arguments: schemes)
  func duplicateColumns(scheme: QuantizationScheme) throws {
    var numbers = SeededNumbers(seed: 9)
    let half = numbers.hessian(order: 8, samples: 20)
    var upper: [Double] = []
    for i in 0..<16 { for j in i..<16 { upper.append(half[i % 8, j % 8]) } }
    let hessian = SymmetricMatrix(order: 16, upper: upper)
    let weights = numbers.normals(4 * 16)
    for order in ColumnOrder.allCases {
      let factor = try SharedFactor.make(
        hessian: hessian, order: order, roundingErrors: [Double](repeating: 1, count: 16), damping: 0.01)
      let compensated = try RowSolver(factor: factor, scheme: scheme, grid: .minmax).solve(weights)
      let rounded = try RowSolver(factor: factor, scheme: scheme, grid: .minmax, method: .round).solve(weights)
      #expect(compensated.losses.reduce(0, +) < rounded.losses.reduce(0, +), "\(order)")
    }
  }

  @Test("a Hessian of condition 1e12 or of deficient rank gives finite results", arguments: ColumnOrder.allCases)
  func illConditioned(order: ColumnOrder) throws {
    var numbers = SeededNumbers(seed: 10)
    let n = 24
    // Inputs whose scales span 1e6, and half as many samples as columns.
    let scales = (0..<n).map { pow(10, -6 * Double($0) / Double(n - 1)) }
    let deficient = numbers.hessian(order: n, samples: n / 2)
    var spread = numbers.hessian(order: n, samples: 2 * n)
    for i in 0..<n {
      for j in i..<n { spread.upper[SymmetricMatrix.rowStart(i, order: n) + j - i] *= scales[i] * scales[j] }
    }
    for hessian in [deficient, spread] {
      for damping in [0, 1e-12, 0.01] {
        let factor = try SharedFactor.make(
          hessian: hessian, order: order, roundingErrors: [Double](repeating: 1, count: n), damping: damping)
        let weights = numbers.normals(4 * n, scale: 0.1)
        Self.solveAll(factor, weights, Self.schemes[1]) { _, _ in }
      }
    }
  }

  @Test("dead columns become zero and change nothing else")
  func deadColumns() throws {
    var numbers = SeededNumbers(seed: 12)
    let n = 20
    let full = numbers.hessian(order: n, samples: 40)
    let dead = [0, 7, 19]
    var hessian = full
    for i in 0..<n {
      for j in i..<n where dead.contains(i) || dead.contains(j) {
        hessian.upper[SymmetricMatrix.rowStart(i, order: n) + j - i] = 0
      }
    }
    let factor = try SharedFactor.make(hessian: hessian, order: .pivot)
    #expect(factor.deadColumns == dead)
    let weights = numbers.normals(5 * n)
    var others = weights
    for row in 0..<5 { for column in dead { others[row * n + column] = 1e6 } }
    for scheme in Self.schemes {
      for method in Method.allCases {
        let solver = RowSolver(factor: factor, scheme: scheme, grid: .curvature, method: method)
        let block = try solver.solve(weights)
        let values = block.dequantized()
        for row in 0..<5 { for column in dead { #expect(values[row * n + column] == 0) } }
        #expect(try solver.solve(others) == block)
      }
    }
  }

  @Test("a Hessian of zeros makes every weight zero")
  func allDead() throws {
    let hessian = SymmetricMatrix(order: 4, upper: [Double](repeating: 0, count: 10))
    for order in ColumnOrder.allCases {
      let factor = try SharedFactor.make(hessian: hessian, order: order, roundingErrors: [1, 2, 3, 4])
      let block = try RowSolver(factor: factor, scheme: Self.schemes[1], grid: .curvature).solve([1, 2, 3, 4])
      #expect(block.dequantized() == [0, 0, 0, 0])
      #expect(block.losses == [0])
    }
  }

  @Test("equal rows get equal results")
  func equalRows() throws {
    var numbers = SeededNumbers(seed: 13)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 16, samples: 30), order: .auto)
    let row = numbers.normals(16)
    Self.solveAll(factor, [Float]((0..<35).map { _ in row }.joined()), Self.schemes[0]) { block, what in
      for index in 1..<35 { #expect(block.extracting(index..<index + 1) == block.extracting(0..<1), "\(what)") }
    }
  }

  @Test("a weight that is not finite is an error that names its place", arguments: [Float.nan, .infinity, -.infinity])
  func notFinite(value: Float) throws {
    var numbers = SeededNumbers(seed: 14)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 5, samples: 30), order: .pivot)
    var weights = numbers.normals(4 * 5)
    weights[13] = value
    let error = #expect(throws: QuantizationError.self) {
      _ = try RowSolver(factor: factor, scheme: Self.schemes[0], grid: .l24).solve(weights)
    }
    #expect(error?.description.contains("row 2, column 3") == true)
    let scheme = QuantizationScheme(bits: 4, symmetric: true, granularity: .tensor)
    #expect(throws: QuantizationError.self) {
      _ = try weights.withUnsafeBufferPointer { weights throws(QuantizationError) in
        try RowSolver.tensorGrid(weights: weights, rows: 4, columns: 5, scheme: scheme, grid: .l24)
      }
    }
  }
}
