import COpenBLAS
import Foundation
import LinearAlgebra
import Quantization

/// The row solve of one shape beside SGEMM of the same shape.
struct SolveMeasurement: Codable {
  let shape: Shape
  let bits: Int
  /// Seconds of C = A B with A rows x columns and B columns x columns: twice the operations of the solve.
  let gemmSeconds: Double
  /// Seconds of the solve with min-max grids, from weights in rows to codes in rows.
  let solveSeconds: Double
  /// Seconds that the default search, |w - Q(w)|^2.4 over 80 ranges, adds.
  let searchSeconds: Double
  /// The same for the search weighted by the Hessian's diagonal.
  let curvatureSearchSeconds: Double
  /// Seconds that a solve with 8 roundings at once takes more than one with one.
  let balancedSeconds: Double
  /// The same for the effort `thorough`.
  let thoroughSeconds: Double
  /// Rate of the solve, R C^2 operations, relative to that of SGEMM in the same round.
  let shareOfGEMM: Double
  /// Time of the default search relative to that of the solve.
  let searchShare: Double

  var gemmRate: Double { 2 * shape.operations / gemmSeconds }
  var solveRate: Double { shape.operations / solveSeconds }

  init(_ shape: Shape, bits: Int, factor: SharedFactor, repeats: Int) throws {
    let weights = Problems.weights(shape.rows * shape.columns)
    let scheme = QuantizationScheme(
      bits: bits, symmetric: false, granularity: shape.groupSize.map { .group(size: $0) } ?? .channel)
    func solve(_ grid: GridSearch, _ effort: Effort = .fast) -> () throws -> Void {
      let solver = RowSolver(factor: factor, scheme: scheme, grid: grid, effort: effort, measuresEnergy: false)
      return { try weights.withUnsafeBufferPointer { _ = try solver.solve(weights: $0, rows: shape.rows) } }
    }
    let b = Problems.uniform(shape.columns * shape.columns)
    var c = [Float](repeating: 0, count: shape.rows * shape.columns)
    let size = Int32(shape.columns)
    let gemm = {
      cblas_sgemm(
        CblasRowMajor, CblasNoTrans, CblasNoTrans, Int32(shape.rows), size, size, 1, weights, size, b, size, 0, &c, size
      )
    }
    // Small shapes are over in less than the clock can tell.
    let times = max(1, Int(5e8 / shape.operations))
    let often = { (body: @escaping () throws -> Void) in { for _ in 0..<times { try body() } } }
    let rounds = try Rounds(
      repeats,
      [
        gemm, solve(.minmax), solve(.l24), solve(.curvature), solve(.minmax, .balanced), solve(.minmax, .thorough),
      ].map(often))

    (self.shape, self.bits) = (shape, bits)
    let unit = 1 / Double(times)
    gemmSeconds = rounds.median(0) * unit
    solveSeconds = rounds.median(1) * unit
    searchSeconds = rounds.median { $0[2] - $0[1] } * unit
    curvatureSearchSeconds = rounds.median { $0[3] - $0[1] } * unit
    balancedSeconds = rounds.median { $0[4] - $0[1] } * unit
    thoroughSeconds = rounds.median { $0[5] - $0[1] } * unit
    shareOfGEMM = rounds.median { $0[0] / $0[1] / 2 }
    searchShare = rounds.median { $0[2] / $0[1] - 1 }
  }

  static let header =
    "row solve                                SGEMM  GFLOP/s     solve  GFLOP/s  of SGEMM    search  of solve  curvature   balanced   thorough"

  var row: String {
    shape.description.padding(toLength: 32, withPad: " ", startingAt: 0)
      + String(
        format: "%12.5f s %8.1f %9.5f s %8.1f %7.1f %% %9.5f s %6.1f %% %9.5f s %8.4f s %8.4f s", gemmSeconds,
        gemmRate * 1e-9,
        solveSeconds, solveRate * 1e-9, shareOfGEMM * 100, searchSeconds, searchShare * 100, curvatureSearchSeconds,
        balancedSeconds, thoroughSeconds)
  }
}
