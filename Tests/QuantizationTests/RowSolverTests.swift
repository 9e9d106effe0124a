import LinearAlgebra
import Testing

@testable import Quantization

@Suite("Row solve") struct RowSolverTests {
  let columns = 40
  let rows = 37
  let hessian: SymmetricMatrix
  let weights: [Float]

  init() {
    var numbers = SeededNumbers(seed: 1)
    hessian = numbers.hessian(order: columns, samples: 60)
    weights = numbers.normals(rows * columns, scale: 0.05)
  }

  static let schemes: [QuantizationScheme] = [
    QuantizationScheme(bits: 4, symmetric: false, granularity: .channel),
    QuantizationScheme(bits: 3, symmetric: true, granularity: .group(size: 16)),
    QuantizationScheme(bits: 2, symmetric: false, granularity: .group(size: 7)),
    QuantizationScheme(bits: 8, symmetric: true, granularity: .channel),
  ]

  @Test("the reported loss is (w - q) H (w - q)^T with the damped Hessian", arguments: schemes, Method.allCases)
  func lossIsTheQuadraticForm(scheme: QuantizationScheme, method: Method) throws {
    let factor = try SharedFactor.make(hessian: hessian, order: .pivot, damping: 0.01)
    let block = try RowSolver(factor: factor, scheme: scheme, grid: .l24, method: method).solve(weights)
    let damped = hessian.adding(diagonal: 0.01 * hessian.meanDiagonal)
    let quantized = block.dequantized()
    for row in 0..<rows {
      let w = (0..<columns).map { Double(weights[row * columns + $0]) }
      let d = (0..<columns).map { w[$0] - Double(quantized[row * columns + $0]) }
      // Both sides sum `columns` float32 products in different orders.
      let tolerance = 1e-3
      let (loss, energy) = (damped.form(d), damped.form(w))
      #expect(abs(block.losses[row] - loss) <= tolerance * loss, "row \(row)")
      #expect(abs(block.energies[row] - energy) <= tolerance * energy, "row \(row)")
    }
  }

  @Test("compensation loses less than rounding on the same grid", arguments: schemes)
  func compensationBeatsRounding(scheme: QuantizationScheme) throws {
    let factor = try SharedFactor.make(hessian: hessian, order: .curvature)
    let compensated = try RowSolver(factor: factor, scheme: scheme, grid: .curvature).solve(weights)
    let rounded = try RowSolver(factor: factor, scheme: scheme, grid: .curvature, method: .round).solve(weights)
    #expect(compensated.scales == rounded.scales)
    #expect(compensated.losses.reduce(0, +) < 0.8 * rounded.losses.reduce(0, +))
  }

  @Test("rows do not depend on the other rows of a call", arguments: [1, 2, 3, 7])
  func partitionInvariance(parts: Int) throws {
    let factor = try SharedFactor.make(hessian: hessian, order: .pivot)
    let scheme = QuantizationScheme(bits: 3, symmetric: false, granularity: .group(size: 16))
    let solver = RowSolver(factor: factor, scheme: scheme, grid: .curvature)
    let whole = try solver.solve(weights)
    for part in 0..<parts {
      let range = part * rows / parts..<(part + 1) * rows / parts
      let block = try solver.solve([Float](weights[range.lowerBound * columns..<range.upperBound * columns]))
      #expect(block.codes == [UInt8](whole.codes[range.lowerBound * columns..<range.upperBound * columns]))
      let groups = range.lowerBound * whole.groups..<range.upperBound * whole.groups
      #expect(block.scales == [Float](whole.scales[groups]))
      #expect(block.zeroPoints == [UInt8](whole.zeroPoints[groups]))
      #expect(block.losses == [Double](whole.losses[range]))
      #expect(block.energies == [Double](whole.energies[range]))
    }
  }
}
