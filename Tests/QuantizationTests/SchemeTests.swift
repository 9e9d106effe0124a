import Foundation
import Testing

@testable import Quantization

@Suite("Schemes, scales and blocks") struct SchemeTests {
  @Test("a scheme survives JSON, and a scheme out of range is refused")
  func coding() throws {
    let scheme = QuantizationScheme(bits: 3, symmetric: true, granularity: .group(size: 64), scaleType: .bfloat16)
    let data = try JSONEncoder().encode(scheme)
    #expect(try JSONDecoder().decode(QuantizationScheme.self, from: data) == scheme)
    let text = String(decoding: data, as: UTF8.self)
    for (from, to) in [("\"bits\":3", "\"bits\":9"), ("64", "0")] {
      let hostile = text.replacingOccurrences(of: from, with: to)
      #expect(hostile != text)
      #expect(throws: DecodingError.self) {
        _ = try JSONDecoder().decode(QuantizationScheme.self, from: Data(hostile.utf8))
      }
    }
  }

  @Test("scales are rounded to the nearest value of their type, ties to even")
  func scaleTypes() {
    #expect(ScaleType.float32.rounded(0.1) == 0.1)
    #expect(ScaleType.float16.rounded(1 + 0x1p-11) == 1)
    #expect(ScaleType.float16.rounded(1 + 0x3p-11) == 1 + 0x1p-9)
    #expect(ScaleType.float16.rounded(1e-30) == 0x1p-24)
    #expect(ScaleType.float16.rounded(1e30) == 65504)
    #expect(ScaleType.bfloat16.rounded(1 + 0x1p-8) == 1)
    #expect(ScaleType.bfloat16.rounded(1 + 0x3p-8) == 1 + 0x1p-6)
    #expect(ScaleType.bfloat16.rounded(.greatestFiniteMagnitude).isFinite)
    #expect(ScaleType.bfloat16.rounded(.leastNonzeroMagnitude) > 0)
  }

  @Test("kernels round scales as the type does", arguments: ScaleType.allCases)
  func kernelScales(type: ScaleType) throws {
    // Widths over the whole range of float32, each alone in a group.
    let weights = (-1480..<1270).map { Float(exp2(Double($0) / 10)) }
    let scheme = QuantizationScheme(bits: 2, symmetric: false, granularity: .group(size: 1), scaleType: type)
    let solver = RowSolver(roundingColumns: weights.count, scheme: scheme, grid: .minmax)
    for set in InstructionSet.available {
      let block = weights.withUnsafeBufferPointer { solver.solveByKernels($0, rows: 1, instructionSet: set) }
      for (scale, weight) in zip(block.scales, weights) {
        let base = PlainGrid.range(low: 0, high: weight, scheme: scheme)
        #expect(scale == type.rounded(base.scale), "\(set) \(weight)")
      }
    }
  }

  @Test("rounding without a Hessian reports squared errors")
  func roundingAlone() throws {
    var numbers = SeededNumbers(seed: 15)
    let weights = numbers.normals(40 * 30)
    let scheme = QuantizationScheme(bits: 4, symmetric: false, granularity: .group(size: 8))
    let block = try RowSolver(roundingColumns: 30, scheme: scheme, grid: .l24).solve(weights)
    let values = block.dequantized()
    for row in 0..<40 {
      let range = row * 30..<(row + 1) * 30
      let loss = range.reduce(0.0) { $0 + pow(Double(weights[$1]) - Double(values[$1]), 2) }
      let energy = range.reduce(0.0) { $0 + pow(Double(weights[$1]), 2) }
      // w - q is rounded once in float32, where it is a small part of w; sums are float64.
      #expect(abs(block.losses[row] - loss) <= 1e-5 * loss)
      #expect(abs(block.energies[row] - energy) <= 1e-12 * energy)
    }
  }

  @Test("energies may be left out")
  func withoutEnergies() throws {
    let scheme = QuantizationScheme(bits: 4, symmetric: false, granularity: .channel)
    let solver = RowSolver(roundingColumns: 3, scheme: scheme, grid: .minmax, measuresEnergy: false)
    #expect(try solver.solve([1, 2, 3]).energies.isEmpty)
    #expect(try solver.solve([]).rows == 0)
  }

  @Test("a tensor has one grid")
  func tensor() throws {
    var numbers = SeededNumbers(seed: 16)
    let weights = numbers.normals(40 * 6)
    let scheme = QuantizationScheme(bits: 4, symmetric: true, granularity: .tensor)
    let grid = try weights.withUnsafeBufferPointer {
      try RowSolver.tensorGrid(weights: $0, rows: 40, columns: 6, scheme: scheme, grid: .minmax)
    }
    let largest = weights.map { abs($0) }.max()!
    #expect(grid == TensorGrid(scale: Float(2 * Double(largest) / 15), zeroPoint: 8))
    let block = try RowSolver(
      roundingColumns: 6, scheme: scheme, grid: .minmax, tensorGrid: grid
    ).solve(weights)
    #expect(block.scales == [Float](repeating: grid.scale, count: 40))
    #expect(block.zeroPoints == [UInt8](repeating: 8, count: 40))
  }
}
