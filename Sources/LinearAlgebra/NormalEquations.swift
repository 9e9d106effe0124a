internal import COpenBLAS

/// Small symmetric positive definite systems.
public enum NormalEquations {
  /// Solves A x = b in float64; returns false where A is not positive definite.
  ///
  /// - Parameters:
  ///   - matrix: A, row-major, its upper triangle; it is overwritten.
  ///   - right: b, replaced by x.
  ///
  /// order³ / 3 operations. Corresponds to `dpotrf` and `cblas_dtrsv`.
  public static func solve(_ matrix: inout [Double], right: inout [Double]) -> Bool {
    precondition(matrix.count == right.count * right.count, "\(matrix.count) elements for \(right.count) unknowns")
    var (size, info) = (Int32(right.count), Int32(0))
    // LAPACK counts columns first: its lower factor is R of A = transpose(R) R here.
    dpotrf_("L", &size, &matrix, &size, &info)
    guard info == 0 else { return false }
    for transpose in [CblasTrans, CblasNoTrans] {
      cblas_dtrsv(CblasRowMajor, CblasUpper, transpose, CblasNonUnit, size, matrix, size, &right, 1)
    }
    return true
  }
}
