internal import COpenBLAS

/// The way from a symmetric positive definite H to the upper triangular U with inverse(H) = transpose(U) U, in
/// float64 and without forming the inverse.
///
/// With J the reversal of rows and columns, J H J = L transpose(L) gives H = R transpose(R) with R = J L J upper
/// triangular, so U = inverse(R) = J inverse(L) J: one Cholesky factorization and one triangular inverse, 2/3 n^3
/// operations where factor, invert, factor takes 4/3 n^3.
///
/// The two steps are separate, because the diagonal of L already tells sum(1 / U_jj^2), which compares orders.
/// Memory: one n x n matrix of float64. The result depends on the kernels and the thread count of the BLAS library;
/// call `Parallel.useSingleThreadedLibraries()` once per process.
public struct InverseCholesky: ~Copyable {
  /// Number of rows and of columns.
  public let order: Int
  /// Row k of U belongs to column `processing[k]`.
  public let processing: [Int]
  /// Row-major, lower triangle and diagonal used; L, with rows and columns in reverse processing order.
  private let elements: UnsafeMutablePointer<Double>

  /// Factors `matrix` with its rows and columns taken in the order `processing`.
  ///
  /// - Parameter processing: a permutation of 0 ..< matrix.order; row k of U belongs to column `processing[k]`.
  /// - Throws: `CholeskyError.notPositiveDefinite`; its order counts from the column that is processed last.
  public init(_ matrix: SymmetricMatrix, processing: [Int]) throws(CholeskyError) {
    let n = matrix.order
    precondition(processing.count == n, "a permutation of \(processing.count) for order \(n)")
    precondition(n > 0 && n <= Int(Int32.max), "order \(n)")
    let elements = UnsafeMutablePointer<Double>.allocate(capacity: n * n)
    Self.copyReversed(matrix, processing: processing, to: elements)
    var (size, info) = (Int32(n), Int32(0))
    // LAPACK counts columns first, so its upper triangle is the lower one here.
    dpotrf_("U", &size, elements, &size, &info)
    precondition(info >= 0, "argument \(-info) of dpotrf")
    guard info == 0 else {
      elements.deallocate()
      throw .notPositiveDefinite(order: Int(info))
    }
    (order, self.processing, self.elements) = (n, processing, elements)
  }

  /// Factors `matrix` in the reverse of the order of smallest pivots, see `MinimumPivotOrder`: the search for the order
  /// already is the factorization.
  ///
  /// - Throws: `CholeskyError.notPositiveDefinite` with the number of the pivot that is not above zero.
  public init(minimumPivots matrix: SymmetricMatrix) throws(CholeskyError) {
    let elements = UnsafeMutablePointer<Double>.allocate(capacity: matrix.order * matrix.order)
    do {
      processing = try MinimumPivotOrder.eliminate(matrix, factor: elements).reversed()
    } catch {
      elements.deallocate()
      throw error
    }
    (order, self.elements) = (matrix.order, elements)
  }

  deinit { elements.deallocate() }

  /// sum(1 / U_jj^2) = sum(L_jj^2): proportional to the predicted loss of a solve in this order.
  public var predictedLoss: Double {
    var sum = 0.0
    for k in 0..<order {
      let pivot = elements[k * order + k]
      sum += pivot * pivot
    }
    return sum
  }

  /// U in float32: packed, row after row, row k holding the columns k ..< order (in processing order).
  public consuming func inverse() -> [Float] {
    invert()
    let n = order
    let elements = elements
    return [Float](unsafeUninitializedCapacity: SymmetricMatrix.count(order: n)) { packed, count in
      count = SymmetricMatrix.count(order: n)
      for row in 0..<n {
        let target = UnsafeMutableBufferPointer(
          rebasing: packed[SymmetricMatrix.rowStart(row, order: n)...].prefix(n - row))
        // U[row, row + i] = inverse(L)[n - 1 - row, n - 1 - row - i]
        let source = elements + (n - 1 - row) * n + (n - 1 - row)
        for i in target.indices { target[i] = Float(source[-i]) }
      }
    }
  }

  /// The diagonal of inverse(H), by position in processing order: the squared norms of U's columns.
  public consuming func inverseDiagonal() -> [Double] {
    invert()
    let n = order
    var sums = [Double](repeating: 0, count: n)
    for row in 0..<n {
      let source = UnsafeBufferPointer(start: elements + row * n, count: row + 1)
      for j in source.indices { sums[j] += source[j] * source[j] }
    }
    return sums.reversed()
  }

  private func invert() {
    var (size, info) = (Int32(order), Int32(0))
    dtrtri_("U", "N", &size, elements, &size, &info)
    precondition(info == 0, "dtrtri returned \(info) for a factor without a zero on its diagonal")
  }

  /// Writes the lower triangle of J P H transpose(P) J.
  private static func copyReversed(
    _ matrix: SymmetricMatrix, processing: [Int], to elements: UnsafeMutablePointer<Double>
  ) {
    let n = matrix.order
    let reversed = [Int](processing.reversed())
    let starts = (0..<n).map { SymmetricMatrix.rowStart($0, order: n) - $0 }
    matrix.upper.withUnsafeBufferPointer { upper in
      for i in 0..<n {
        let a = reversed[i]
        let row = elements + i * n
        for j in 0...i {
          let b = reversed[j]
          row[j] = a <= b ? upper[starts[a] + b] : upper[starts[b] + a]
        }
      }
    }
  }
}
