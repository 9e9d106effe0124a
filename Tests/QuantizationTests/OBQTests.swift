import LinearAlgebra
import Testing

@testable import Quantization

@Suite("OBQ") struct OBQTests {
  /// Two columns whose inverse Hessian is [[1, -0.9], [-0.9, 1]] / 0.19, on the grid 0, 1, 2, 3.
  static func solveTwoColumns(_ weights: [Float]) throws -> [UInt8] {
    let factor = try SharedFactor.make(
      hessian: SymmetricMatrix(order: 2, upper: [1, 0.9, 1]), order: .natural, damping: 0)
    let solver = RowSolver(
      factor: factor, scheme: QuantizationScheme(bits: 2, symmetric: false, granularity: .tensor), grid: .minmax,
      method: .obq, tensorGrid: TensorGrid(scale: 1, zeroPoint: 0))
    let block = try solver.solve(weights)
    let plain = weights.withUnsafeBufferPointer { PlainRowSolver(solver).solve($0, rows: weights.count / 2) }
    #expect(plain.codes == block.codes)
    return block.codes
  }

  @Test("a weight outside its grid goes first, and the others make up for it")
  func outlierFirst() throws {
    // 5 becomes 3; what is missing moves the other: 0.4 + 2 * 0.9 = 2.2. Least error first would round 0.4 to 0, and
    // then 5.36 to 3.
    #expect(try Self.solveTwoColumns([0.4, 5]) == [2, 3])
    // 3.4 is nearer to the end of the grid than half a step: least error first, 0.3 to 0, then 3.67 to 3.
    #expect(try Self.solveTwoColumns([0.3, 3.4]) == [0, 3])
    // Of two weights outside, the one further outside: 6 to 3, then -1 + 2.7 to 2. The other way: -1 to 0 and 6 - 0.9 to 3.
    #expect(try Self.solveTwoColumns([-1, 6]) == [2, 3])
  }

  @Test("a weight of zero goes before weights outside their grids")
  func zeroFirst() throws {
    // If 5 went first, 0 would become 1.8 and then 2.
    #expect(try Self.solveTwoColumns([0, 5]) == [0, 3])
  }

  @Test("the least costly column goes first")
  func leastFirst() throws {
    // 2.2 becomes 2 and moves the other by 0.2 * 0.9 to 1.58. If 1.4 went first, 2.2 would move to 2.56.
    #expect(try Self.solveTwoColumns([1.4, 2.2]) == [2, 2])
    #expect(try Self.solveTwoColumns([2.2, 1.4]) == [2, 2])
  }

  @Test("float32 with 64 downdates at once loses as much as float64 with one at a time", arguments: [2, 3, 4])
  func plainLosses(bits: Int) throws {
    var numbers = SeededNumbers(seed: 21)
    let (rows, columns) = (6, 230)
    let factor = try SharedFactor.make(
      hessian: numbers.hessian(order: columns, samples: 300), order: .natural, damping: 0.01)
    let weights = numbers.normals(rows * columns, scale: 0.1)
    let solver = RowSolver(
      factor: factor, scheme: QuantizationScheme(bits: bits, symmetric: false, granularity: .group(size: 64)),
      grid: .curvature, method: .obq)
    weights.withUnsafeBufferPointer { weights in
      let plain = PlainRowSolver(solver).solve(weights, rows: rows)
      let expected = plain.losses.reduce(0, +)
      for downdates in [1, 7, 64, 1000] {
        for set in InstructionSet.available {
          let block = solver.solveByKernels(weights, rows: rows, instructionSet: set, downdatesAtOnce: downdates)
          // One near tie of two scores in 1,380 steps changes the order of a row's columns, and with it a few codes.
          let equal = zip(block.codes, plain.codes).count { $0 == $1 }
          #expect(Double(equal) > 0.95 * Double(plain.codes.count), "\(set), \(downdates) at once: \(equal) equal")
          #expect(abs(block.losses.reduce(0, +) / expected - 1) < 0.01, "\(set), \(downdates) at once")
        }
      }
    }
  }

  @Test("OBQ loses less than rounding on the same grids", arguments: [2, 3, 4])
  func lessThanRounding(bits: Int) throws {
    var numbers = SeededNumbers(seed: 22)
    let factor = try SharedFactor.make(hessian: numbers.hessian(order: 100, samples: 200), order: .natural)
    let weights = numbers.normals(20 * 100, scale: 0.1)
    let scheme = QuantizationScheme(bits: bits, symmetric: false, granularity: .channel)
    let greedy = try RowSolver(factor: factor, scheme: scheme, grid: .l24, method: .obq).solve(weights)
    let rounded = try RowSolver(factor: factor, scheme: scheme, grid: .l24, method: .round).solve(weights)
    #expect(greedy.scales == rounded.scales)
    #expect(greedy.losses.reduce(0, +) < 0.8 * rounded.losses.reduce(0, +))
  }

  @Test("rows do not depend on how they are cut into calls, nor on the fused instruction set", arguments: [2, 3])
  func partition(parts: Int) throws {
    var numbers = SeededNumbers(seed: 23)
    let (rows, columns) = (35, 210)
    var hessian = numbers.hessian(order: columns, samples: 300)
    for dead in [3, 100] {
      for other in 0..<columns {
        let (i, j) = (min(dead, other), max(dead, other))
        hessian.upper[SymmetricMatrix.rowStart(i, order: columns) + j - i] = 0
      }
    }
    let factor = try SharedFactor.make(hessian: hessian, order: .natural)
    let weights = numbers.normals(rows * columns, scale: 0.1)
    let scheme = QuantizationScheme(bits: 3, symmetric: true, granularity: .group(size: 50))
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, method: .obq)
    weights.withUnsafeBufferPointer { weights in
      var first: RowBlock?
      for set in InstructionSet.available {
        let whole = solver.solveByKernels(weights, rows: rows, instructionSet: set)
        for part in 0..<parts {
          let range = part * rows / parts..<(part + 1) * rows / parts
          let slice = UnsafeBufferPointer(rebasing: weights[range.lowerBound * columns..<range.upperBound * columns])
          let block = solver.solveByKernels(slice, rows: range.count, instructionSet: set)
          #expect(block == whole.extracting(range), "\(set)")
        }
        guard set.description != "portable" else { continue }
        #expect(first == nil || first == whole, "\(set)")
        first = whole
      }
    }
  }
}
