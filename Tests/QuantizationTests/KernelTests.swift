import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Kernels") struct KernelTests {
  /// 150 is a block of 128 and a part, with a whole and an incomplete panel of 12 behind the block.
  static let columnCounts = [1, 2, 9, 31, 150]

  static func schemes(_ columns: Int) -> [QuantizationScheme] {
    [
      QuantizationScheme(bits: 4, symmetric: false, granularity: .channel),
      QuantizationScheme(bits: 2, symmetric: false, granularity: .group(size: 7)),
      QuantizationScheme(bits: 8, symmetric: true, granularity: .group(size: 64), scaleType: .float16),
      QuantizationScheme(bits: 3, symmetric: false, granularity: .channel, scaleType: .bfloat16),
    ]
  }

  /// What is random here is the same in all tests.
  static func problem(_ columns: Int, rows: Int) throws -> (factor: SharedFactor, weights: [Float]) {
    var numbers = SeededNumbers(seed: 7)
    let hessian = numbers.hessian(order: columns, samples: 2 * columns)
    return (try SharedFactor.make(hessian: hessian, order: .pivot), numbers.normals(rows * columns, scale: 0.1))
  }

  @Test("every instruction set finds the codes of plain float64 loops", arguments: columnCounts, Method.allCases)
  func codesAgree(columns: Int, method: Method) throws {
    // The plain loops of OBQ take columns^3 steps a row.
    let rows = method == .obq ? 9 : 67
    let (factor, weights) = try Self.problem(columns, rows: rows)
    for scheme in Self.schemes(columns) {
      let solver = RowSolver(factor: factor, scheme: scheme, grid: .minmax, method: method)
      try weights.withUnsafeBufferPointer { weights in
        let plain = PlainRowSolver(solver).solve(weights, rows: rows)
        for set in InstructionSet.available {
          let block = solver.solveByKernels(weights, rows: rows, instructionSet: set)
          #expect(block.scales == plain.scales, "\(set)")
          #expect(block.zeroPoints == plain.zeroPoints, "\(set)")
          // A code that float32 takes to the other side of a tie moves its row's later codes; a row may be lost to it.
          let different = (0..<rows).count { row in
            let range = row * columns..<(row + 1) * columns
            return block.codes[range] != plain.codes[range]
          }
          #expect(different <= 1, "\(set) \(scheme)")
          for row in 0..<rows
          where block.codes[row * columns..<(row + 1) * columns] == plain.codes[row * columns..<(row + 1) * columns] {
            // float32 errors of `columns` products, relative to what the row holds, and the loss itself.
            let tolerance = 1e-4 * plain.losses[row] + 1e-9 * plain.energies[row]
            #expect(abs(block.losses[row] - plain.losses[row]) <= tolerance, "\(set) \(scheme) row \(row)")
            #expect(abs(block.energies[row] - plain.energies[row]) <= 1e-4 * plain.energies[row], "\(set) row \(row)")
          }
        }
      }
    }
  }

  @Test("instruction sets that fuse multiplication and addition agree bit for bit")
  func setsAgree() throws {
    let (factor, weights) = try Self.problem(150, rows: 40)
    let fused = InstructionSet.available.filter { $0.description != "portable" }
    for scheme in Self.schemes(150) {
      for (grid, method) in [(GridSearch.l24, Method.compensate), (.curvature, .compensate), (.curvature, .round)] {
        let solver = RowSolver(factor: factor, scheme: scheme, grid: grid, method: method)
        let blocks = weights.withUnsafeBufferPointer { weights in
          fused.map { solver.solveByKernels(weights, rows: 40, instructionSet: $0) }
        }
        for block in blocks.dropFirst() { #expect(block == blocks[0], "\(scheme) \(grid) \(method)") }
      }
    }
  }

  @Test(
    "the grid search finds a grid as good as the best", arguments: [1, 2, 9, 31, 140],
    [GridSearch.l24, .curvature, .schur])
  func searchIsOptimal(columns: Int, search: GridSearch) throws {
    let rows = 33
    let (factor, weights) = try Self.problem(columns, rows: rows)
    for scheme in Self.schemes(columns) {
      let solver = RowSolver(factor: factor, scheme: scheme, grid: search)
      let (size, groups) = (scheme.groupSize(columns: columns), scheme.groupCount(columns: columns))
      for set in InstructionSet.available {
        let block = weights.withUnsafeBufferPointer { solver.solveByKernels($0, rows: rows, instructionSet: set) }
        // The plain search is slow; a row of each vector of lanes will do.
        for row in stride(from: 0, to: rows, by: 4) {
          for group in 0..<groups {
            let range = group * size..<min((group + 1) * size, columns)
            let part = [Float](weights[row * columns + range.lowerBound..<row * columns + range.upperBound])
            let curvature = [Float](factor.columnWeights(for: search)[range])
            let index = row * groups + group
            let found = PlainGrid(scale: block.scales[index], zeroPoint: Int(block.zeroPoints[index]))
            let best = PlainGrid.search(part, curvature: curvature, scheme: scheme, search: search)
            let errors = [found, best].map { grid in
              PlainGrid.Candidates.error(of: grid, part, curvature: curvature, scheme: scheme, search: search)
            }
            // The kernel's |d|^2.4 is good to 5e-5, and a float32 quotient at a tie may round the other way.
            #expect(errors[0] <= errors[1] * (1 + 1e-3) + 1e-12, "\(set) \(scheme) row \(row) group \(group)")
          }
        }
      }
    }
  }

  @Test("rows do not depend on how they are cut into calls", arguments: [1, 2, 3, 7])
  func partitionInvariance(parts: Int) throws {
    let (rows, columns) = (101, 150)
    let (factor, weights) = try Self.problem(columns, rows: rows)
    for scheme in Self.schemes(columns) {
      for method in Method.allCases {
        let solver = RowSolver(factor: factor, scheme: scheme, grid: .curvature, method: method)
        weights.withUnsafeBufferPointer { weights in
          for set in InstructionSet.available {
            let whole = solver.solveByKernels(weights, rows: rows, instructionSet: set)
            for part in 0..<parts {
              let range = part * rows / parts..<(part + 1) * rows / parts
              let slice = UnsafeBufferPointer(
                rebasing: weights[range.lowerBound * columns..<range.upperBound * columns])
              let block = solver.solveByKernels(slice, rows: range.count, instructionSet: set)
              #expect(block == whole.extracting(range), "\(set) \(scheme) \(method)")
            }
          }
        }
      }
    }
  }

  @Test("more rows than fit the working memory give the same as their parts")
  func manyBatches() throws {
    let (rows, columns) = (2100, 9)
    let (factor, weights) = try Self.problem(columns, rows: rows)
    let scheme = QuantizationScheme(bits: 4, symmetric: true, granularity: .channel)
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .minmax)
    let whole = try solver.solve(weights)
    #expect(try solver.solve([Float](weights[2000 * columns..<rows * columns])) == whole.extracting(2000..<rows))
  }

  @Test("a tensor grid of the kernels is as good as the best", arguments: [GridSearch.minmax, .l24, .curvature])
  func tensorGrid(search: GridSearch) throws {
    let (rows, columns) = (45, 31)
    let (factor, weights) = try Self.problem(columns, rows: rows)
    for bits in [2, 3, 4] {
      let scheme = QuantizationScheme(bits: bits, symmetric: false, granularity: .tensor)
      weights.withUnsafeBufferPointer { weights in
        let best = PlainRowSolver.tensorGrid(
          weights, rows: rows, columns: columns, scheme: scheme, grid: search, curvature: factor.curvature)
        for set in InstructionSet.available {
          let found = RowSolver.tensorGridByKernels(
            weights, rows: rows, columns: columns, scheme: scheme, grid: search, curvature: factor.curvature,
            instructionSet: set)
          // Candidates of one percent's distance do not tie by chance in 1,395 weights.
          #expect(found == best, "\(set)")
        }
      }
    }
  }
}
