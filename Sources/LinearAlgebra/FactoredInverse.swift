internal import COpenBLAS

/// The inverse of a matrix that is known by its Cholesky factor.
public enum FactoredInverse {
  /// H from the upper triangular U with inverse(H) = transpose(U) U, in float64: its upper triangle, row-major; what lies
  /// below is undefined.
  ///
  /// - Parameter upper: U, packed row after row as in `SymmetricMatrix`, no zero on its diagonal.
  ///
  /// 2/3 order³ operations; one order x order matrix of memory. Corresponds to `dpotri`.
  public static func matrix(order: Int, upper: FloatStorage) -> [Double] {
    precondition(upper.count == SymmetricMatrix.count(order: order), "\(upper.count) elements for order \(order)")
    precondition(order > 0 && order <= Int(Int32.max), "order \(order)")
    var elements = [Double](repeating: 0, count: order * order)
    upper.withUnsafeBufferPointer { upper in
      for row in 0..<order {
        let start = SymmetricMatrix.rowStart(row, order: order) - row
        for column in row..<order { elements[row * order + column] = Double(upper[start + column]) }
      }
    }
    var (size, info) = (Int32(order), Int32(0))
    // LAPACK counts columns first, so the upper triangle is its lower one.
    dpotri_("L", &size, &elements, &size, &info)
    precondition(info == 0, "dpotri returned \(info) for a factor without a zero on its diagonal")
    return elements
  }
}
