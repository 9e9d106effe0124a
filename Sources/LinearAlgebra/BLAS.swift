internal import COpenBLAS

/// The BLAS calls of calibration: float32, row-major, one thread.
public enum BLAS {
  /// The name of OpenBLAS's kernels in use, such as "Cooperlake": decided when the library is loaded.
  public static var kernelName: String { String(cString: openblas_get_corename()) }

  /// C = A Aᵀ (or C += A Aᵀ) in the upper triangle of a rows x rows matrix; elements below the diagonal are not touched.
  ///
  /// - Parameters:
  ///   - a: rows x depth, row-major with `leading` elements per row; if `transposed`, depth x rows.
  ///   - accumulate: whether the product is added to what `c` holds.
  ///   - stride: the distance of two rows of `c`; `rows` if nil.
  public static func symmetricRankUpdate(
    _ a: UnsafePointer<Float>, rows: Int, depth: Int, transposed: Bool, leading: Int, accumulate: Bool,
    into c: UnsafeMutablePointer<Float>, stride: Int? = nil
  ) {
    cblas_ssyrk(
      CblasRowMajor, CblasUpper, transposed ? CblasTrans : CblasNoTrans, Int32(rows), Int32(depth), 1, a,
      Int32(leading), accumulate ? 1 : 0, c, Int32(stride ?? rows))
  }
}
