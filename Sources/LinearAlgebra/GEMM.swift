internal import CDNNL

/// Products of float32 matrices that are stored row after row, on the calling thread.
public enum GEMM {
  /// Computes C = alpha op(A) op(B) + beta C, where op transposes or leaves alone.
  ///
  /// op(A) is rows x depth, op(B) depth x columns, C rows x columns; a stride is the distance of two rows of the
  /// matrix as it is stored. With beta = 0, C need not be initialized. The result depends on the values alone. 2 *
  /// rows * columns * depth operations. Corresponds to `dnnl_sgemm`.
  public static func multiply(
    rows: Int, columns: Int, depth: Int, alpha: Float = 1,
    _ a: UnsafePointer<Float>, stride aStride: Int, transposed aTransposed: Bool = false,
    _ b: UnsafePointer<Float>, stride bStride: Int, transposed bTransposed: Bool = false,
    beta: Float = 0, into c: UnsafeMutablePointer<Float>, stride cStride: Int
  ) {
    precondition(rows >= 0 && columns >= 0 && depth >= 0, "a product of \(rows) x \(depth) x \(columns)")
    precondition(aStride >= (aTransposed ? rows : depth), "rows of A overlap: \(aStride)")
    precondition(bStride >= (bTransposed ? depth : columns), "rows of B overlap: \(bStride)")
    precondition(cStride >= columns, "rows of C overlap: \(cStride)")
    if rows == 0 || columns == 0 { return }
    if depth == 0 {
      for row in 0..<rows {
        for column in 0..<columns {
          c[row * cStride + column] = beta == 0 ? 0 : beta * c[row * cStride + column]
        }
      }
      return
    }
    omp_set_num_threads(1)
    let (plain, transposed) = (CChar(UInt8(ascii: "N")), CChar(UInt8(ascii: "T")))
    let status = dnnl_sgemm(
      aTransposed ? transposed : plain, bTransposed ? transposed : plain, Int64(rows), Int64(columns), Int64(depth),
      alpha, a, Int64(aStride), b, Int64(bStride), beta, c, Int64(cStride))
    // The arguments were checked above; what remains is memory for packing.
    precondition(status == dnnl_success, "dnnl_sgemm failed with status \(status.rawValue)")
  }
}
