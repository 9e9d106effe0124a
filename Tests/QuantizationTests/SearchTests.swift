import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Search by effort") struct SearchTests {
  static let searches = [Effort.balanced, .thorough]

  @Test("with no more columns than it can follow, a search finds the best of all branches", arguments: searches)
  func findsTheBest(effort: Effort) throws {
    // 2^3 branches fit 8 beams, 2^5 fit 32.
    let columns = effort == .balanced ? 3 : 5
    let (factor, weights) = try KernelTests.problem(columns, rows: 50)
    for scheme in KernelTests.schemes(columns) {
      let solver = RowSolver(factor: factor, scheme: scheme, grid: .minmax, effort: effort)
      for set in InstructionSet.available {
        let block = weights.withUnsafeBufferPointer { solver.solveByKernels($0, rows: 50, instructionSet: set) }
        for row in 0..<50 {
          let values = weights[row * columns..<(row + 1) * columns].map { Double($0) }
          let best = Self.cheapestBranch(values, at: 0, factor, scheme, block, row: row)
          // Branches whose costs agree to 2^-17 are one to the search.
          #expect(
            abs(block.losses[row] - best) <= 1e-4 * best + 1e-9 * block.energies[row], "\(set) \(scheme) row \(row)")
        }
      }
    }
  }

  /// The smallest sum of e^2 over all ways to take one of the two grid points around each value, from processing
  /// position `k` on.
  static func cheapestBranch(
    _ values: [Double], at k: Int, _ factor: SharedFactor, _ scheme: QuantizationScheme, _ block: RowBlock,
    row: Int
  ) -> Double {
    guard k < factor.columns else { return 0 }
    let column = Int(factor.order[k])
    let group = row * block.groups + column / block.groupSize
    let (scale, zero) = (Double(block.scales[group]), Double(block.zeroPoints[group]))
    let start = SymmetricMatrix.rowStart(k, order: factor.columns)
    let largest = Double(scheme.largestCode)
    let position = min(max(values[column] / scale, -zero), largest - zero)
    let near = position.rounded(.toNearestOrEven)
    var far = position > near ? near + 1 : near - 1
    if far > largest - zero { far = near - 1 }
    if far < -zero { far = near + 1 }
    return [near, far].map { code in
      let error = (values[column] - code * scale) / Double(factor.inverse[start])
      var rest = values
      for later in k + 1..<max(k + 1, factor.columns) {
        rest[Int(factor.order[later])] -= error * Double(factor.inverse[start + later - k])
      }
      return error * error * factor.unit + cheapestBranch(rest, at: k + 1, factor, scheme, block, row: row)
    }.min()!
  }

  @Test(
    "what a search reports is the loss of its codes, and more effort loses less", arguments: KernelTests.columnCounts)
  func losses(columns: Int) throws {
    let rows = 67
    let (factor, weights) = try KernelTests.problem(columns, rows: rows)
    for scheme in KernelTests.schemes(columns) {
      var sums: [Double] = []
      for effort in Effort.allCases {
        let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, effort: effort)
        let block = try weights.withUnsafeBufferPointer { try solver.solve(weights: $0, rows: rows) }
        let rest = zip(weights, block.dequantized()).map { $0 - $1 }
        let check = RowSolver(factor: factor, scheme: scheme, grid: .l24, method: .round)
        // The energy of w - q is the loss of w.
        let energies = try rest.withUnsafeBufferPointer { try check.solve(weights: $0, rows: rows).energies }
        for row in 0..<rows {
          // Rounding of w - q to float32 and of `columns` products, relative to what the row holds.
          let tolerance = 2e-3 * block.losses[row] + 1e-7 * block.energies[row]
          #expect(abs(block.losses[row] - energies[row]) <= tolerance, "\(scheme) \(effort) row \(row)")
        }
        sums.append(block.losses.reduce(0, +))
      }
      #expect(sums[1] <= sums[0] * 1.0001 && sums[2] <= sums[1] * 1.0001, "\(scheme): \(sums)")
      if columns == 281 { #expect(sums[1] < sums[0] && sums[2] < sums[1], "\(scheme): \(sums)") }
    }
  }

  @Test("a row's codes do not depend on the rows beside it, nor on the instruction set", arguments: searches)
  func sameBits(effort: Effort) throws {
    let (columns, rows) = (281, 45)
    let (factor, weights) = try KernelTests.problem(columns, rows: rows)
    for scheme in KernelTests.schemes(columns) {
      let solver = RowSolver(factor: factor, scheme: scheme, grid: .l24, effort: effort)
      try weights.withUnsafeBufferPointer { weights in
        let whole = try solver.solve(weights: weights, rows: rows)
        for set in InstructionSet.available where set.description != "portable" {
          #expect(solver.solveByKernels(weights, rows: rows, instructionSet: set) == whole, "\(set)")
        }
        for parts in [2, 3, 7] {
          for part in 0..<parts {
            let range = rows * part / parts..<rows * (part + 1) / parts
            let block = try solver.solve(
              weights: UnsafeBufferPointer(rebasing: weights[range.lowerBound * columns..<range.upperBound * columns]),
              rows: range.count)
            let codes = whole.codes[range.lowerBound * columns..<range.upperBound * columns]
            #expect(block.codes[...] == codes, "\(scheme) rows \(range)")
            #expect(block.losses[...] == whole.losses[range], "\(scheme) rows \(range)")
          }
        }
      }
    }
  }

  @Test("weights of any size find the codes of the same weights in another unit", arguments: searches)
  func anyUnit(effort: Effort) throws {
    let (factor, weights) = try KernelTests.problem(140, rows: 40)
    let scheme = QuantizationScheme(bits: 3, symmetric: false, granularity: .channel)
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .minmax, effort: effort)
    let blocks = try [Float(1), 0x1p90, 0x1p-90].map { unit in
      try weights.map { $0 * unit }.withUnsafeBufferPointer { try solver.solve(weights: $0, rows: 40) }
    }
    #expect(blocks[1].codes == blocks[0].codes)
    #expect(blocks[2].codes == blocks[0].codes)
  }
}
