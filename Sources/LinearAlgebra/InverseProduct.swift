internal import COpenBLAS

/// Products with the inverse of a symmetric matrix that is known by a factor.
public enum InverseProduct {
  /// Computes B inverse(H) = B transpose(U) U in place, in float64 on one thread.
  ///
  /// - Parameters:
  ///   - b: rows x order, row-major, its columns in the order of U.
  ///   - upper: U, packed row after row as in `SymmetricMatrix`.
  ///
  /// 2 * rows * order² operations; one order x order matrix of memory. The result depends on the kernels of the BLAS
  /// library.
  public static func multiply(_ b: inout [Double], rows: Int, order: Int, upper: FloatStorage) {
    precondition(b.count == rows * order, "\(b.count) elements are not \(rows) x \(order)")
    precondition(upper.count == SymmetricMatrix.count(order: order), "\(upper.count) elements for order \(order)")
    var u = [Double](repeating: 0, count: order * order)
    upper.withUnsafeBufferPointer { upper in
      for row in 0..<order {
        let start = SymmetricMatrix.rowStart(row, order: order) - row
        for column in row..<order { u[row * order + column] = Double(upper[start + column]) }
      }
    }
    for transposed in [true, false] {
      cblas_dtrmm(
        CblasRowMajor, CblasRight, CblasUpper, transposed ? CblasTrans : CblasNoTrans, CblasNonUnit, Int32(rows),
        Int32(order), 1, u, Int32(order), &b, Int32(order))
    }
  }
}
