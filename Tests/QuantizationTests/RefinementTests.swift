import Foundation
import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Refinement") struct RefinementTests {
  static let schemes = [2, 3, 4].flatMap { bits in
    [true, false].flatMap { symmetric in
      [
        QuantizationScheme(bits: bits, symmetric: symmetric, granularity: .channel),
        QuantizationScheme(bits: bits, symmetric: symmetric, granularity: .group(size: 20), scaleType: .float16),
      ]
    }
  }

  /// The dense H of a factor times its unit, in float64.
  static func hessian(_ factor: SharedFactor) -> [[Double]] {
    let (dense, n) = (DenseHessian(factor).values, factor.columns)
    let pitch = dense.count / n
    return (0..<n).map { i in (0..<n).map { Double(dense[i * pitch + $0]) * factor.unit } }
  }

  static func form(_ x: [Double], _ h: [[Double]], _ y: [Double]) -> Double {
    var sum = 0.0
    for i in x.indices { for j in y.indices { sum += x[i] * h[i][j] * y[j] } }
    return sum
  }

  @Test("the dense Hessian is the damped one, in natural order", arguments: [ColumnOrder.natural, .pivot])
  func dense(order: ColumnOrder) throws {
    var numbers = SeededNumbers(seed: 31)
    let hessian = numbers.hessian(order: 50, samples: 100)
    let damped = hessian.adding(diagonal: 0.01 * hessian.meanDiagonal)
    let dense = Self.hessian(try SharedFactor.make(hessian: hessian, order: order, damping: 0.01))
    for i in 0..<50 {
      for j in 0..<50 {
        // U is float32.
        #expect(abs(dense[i][j] - damped[i, j]) <= 1e-4 * (damped[i, i] * damped[j, j]).squareRoot())
      }
    }
  }

  @Test("no row loses more than without refinement, and the loss is that of what is returned", arguments: schemes)
  func losesLess(scheme: QuantizationScheme) throws {
    let (columns, rows) = (150, 37)
    let (factor, weights) = try KernelTests.problem(columns, rows: rows)
    let hessian = Self.hessian(factor)
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, effort: .thorough)
    for set in InstructionSet.available {
      let (plain, refined) = weights.withUnsafeBufferPointer {
        (
          solver.solveByKernels($0, rows: rows, instructionSet: set, refines: false),
          solver.solveByKernels($0, rows: rows, instructionSet: set)
        )
      }
      #expect(refined.zeroPoints == plain.zeroPoints)
      #expect(refined.scales.allSatisfy { $0 > 0 && $0.isFinite && scheme.scaleType.rounded($0) == $0 })
      #expect(refined.losses.reduce(0, +) < plain.losses.reduce(0, +), "\(set)")
      let values = refined.dequantized()
      for row in 0..<rows {
        #expect(refined.losses[row] <= plain.losses[row], "\(set) row \(row)")
        let rest = (row * columns..<(row + 1) * columns).map { Double(weights[$0]) - Double(values[$0]) }
        let loss = Self.form(rest, hessian, rest)
        #expect(abs(refined.losses[row] - loss) <= 2e-3 * loss + 1e-7 * refined.energies[row], "\(set) row \(row)")
      }
    }
  }

  @Test("refitted scales solve the least squares problem of their codes")
  func leastSquares() throws {
    let (columns, rows) = (60, 5)
    let (factor, weights) = try KernelTests.problem(columns, rows: rows)
    let hessian = Self.hessian(factor)
    for granularity in [QuantizationScheme.Granularity.channel, .group(size: 25)] {
      let scheme = QuantizationScheme(bits: 3, symmetric: false, granularity: granularity)
      let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, effort: .thorough)
      let block = weights.withUnsafeBufferPointer {
        solver.solveByKernels($0, rows: rows, instructionSet: .current, refines: false)
      }
      let scales = solver.refittedScales(weights, block)
      for row in 0..<rows {
        let steps = (0..<block.groups).map { group in
          (0..<columns).map { column in
            guard column / block.groupSize == group else { return 0.0 }
            return Double(block.codes[row * columns + column]) - Double(block.zeroPoints[row * block.groups + group])
          }
        }
        // The gradient (w - q) H z_g vanishes, beside w H z_g.
        var rest = (0..<columns).map { Double(weights[row * columns + $0]) }
        let right = steps.map { Self.form(rest, hessian, $0) }
        for group in 0..<block.groups {
          for column in 0..<columns {
            rest[column] -= steps[group][column] * Double(scales[row * block.groups + group])
          }
        }
        for group in 0..<block.groups {
          let gradient = Self.form(rest, hessian, steps[group])
          #expect(abs(gradient) <= 1e-5 * right.map(abs).max()!, "row \(row) group \(group)")
        }
      }
    }
  }

  @Test("zero rows and dead columns stay zero, weights of any size stay finite", arguments: schemes)
  func hostile(scheme: QuantizationScheme) throws {
    var numbers = SeededNumbers(seed: 32)
    let n = 45
    var hessian = numbers.hessian(order: n, samples: 90)
    let dead = [0, 20, 44]
    for i in 0..<n {
      for j in i..<n where dead.contains(i) || dead.contains(j) {
        hessian.upper[SymmetricMatrix.rowStart(i, order: n) + j - i] = 0
      }
    }
    let factor = try SharedFactor.make(hessian: hessian, order: .pivot)
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .schur, effort: .thorough)
    for size in [Float(0), .leastNonzeroMagnitude, 1e-40, 1e-30, 1, 1e30, 1e37] {
      // The first group of 20 columns is zero in the last row.
      var weights = numbers.normals(4 * n).map { $0 * size }
      for column in 0..<20 { weights[3 * n + column] = 0 }
      let block = try solver.solve(weights)
      #expect(block.scales.allSatisfy { $0 > 0 && $0.isFinite && scheme.scaleType.rounded($0) == $0 }, "\(size)")
      #expect(block.codes.allSatisfy { $0 <= scheme.largestCode }, "\(size)")
      #expect(block.losses.allSatisfy { $0.isFinite && $0 >= 0 }, "\(size)")
      let values = block.dequantized()
      for row in 0..<4 { for column in dead { #expect(values[row * n + column] == 0, "\(size)") } }
      if size == 0 { #expect(values.allSatisfy { $0 == 0 } && block.losses.allSatisfy { $0 == 0 }) }
    }
  }

  @Test("a row's scales do not depend on the rows beside it, nor on the instruction set", arguments: schemes)
  func partitions(scheme: QuantizationScheme) throws {
    let (columns, rows) = (150, 45)
    let (factor, weights) = try KernelTests.problem(columns, rows: rows)
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, effort: .thorough)
    let whole = try solver.solve(weights)
    for set in InstructionSet.available where set.description != "portable" {
      let block = weights.withUnsafeBufferPointer { solver.solveByKernels($0, rows: rows, instructionSet: set) }
      #expect(block == whole, "\(set)")
    }
    for range in [0..<1, 1..<34, 34..<45] {
      let part = try solver.solve([Float](weights[range.lowerBound * columns..<range.upperBound * columns]))
      #expect(part == whole.extracting(range), "rows \(range)")
    }
  }
}
