import COpenBLAS
import Foundation
import LinearAlgebra

/// U from H beside factor, invert, factor of LAPACK, both in float64.
struct FactorMeasurement: Codable {
  let order: Int
  /// Seconds from the packed H to the packed float32 U.
  let seconds: Double
  /// Seconds of dpotrf, dpotri and dpotrf.
  let lapackSeconds: Double
  /// The first relative to the second in the same round.
  let share: Double
  /// Seconds to find the order of smallest pivots.
  let pivotSeconds: Double?

  init(order: Int, repeats: Int, pivot: Bool) throws {
    let hessian = Problems.hessian(order: order)
    var full = [Double](repeating: 0, count: order * order)
    for i in 0..<order {
      let start = SymmetricMatrix.rowStart(i, order: order) - i
      for j in i..<order { full[j * order + i] = hessian.upper[start + j] }
    }
    var work = full
    let natural = [Int](0..<order)
    // The copy is a thing of its own, so that it does not count for LAPACK.
    let rounds = try Rounds(
      repeats, warmUp: order <= 4096,
      [
        { work.withUnsafeMutableBufferPointer { _ = $0.update(fromContentsOf: full) } },
        {
          var (size, info) = (Int32(order), Int32(0))
          dpotrf_("U", &size, &work, &size, &info)
          if info == 0 { dpotri_("U", &size, &work, &size, &info) }
          if info == 0 { dpotrf_("U", &size, &work, &size, &info) }
          precondition(info == 0, "a factorization stopped at \(info)")
        },
        { _ = try InverseCholesky(hessian, processing: natural).inverse() },
      ])
    self.order = order
    seconds = rounds.median(2)
    lapackSeconds = rounds.median(1)
    share = rounds.median { $0[2] / $0[1] }
    pivotSeconds =
      pivot ? try Rounds(1, warmUp: false, [{ _ = try MinimumPivotOrder.eliminate(hessian) }]).median(0) : nil
  }

  static let header = "U from H       potrf + potri + potrf   U from H     share"

  var row: String {
    String(format: "%8d %23.4f s %10.4f s %8.2f", order, lapackSeconds, seconds, share)
      + (pivotSeconds.map { String(format: "   pivot order %.4f s", $0) } ?? "")
  }
}
