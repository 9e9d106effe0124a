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
  /// Row-major, upper triangle and diagonal used; transpose(L), with rows and columns in reverse processing order.
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
    // LAPACK counts columns first, so its lower triangle is the upper one here.
    dpotrf_("L", &size, elements, &size, &info)
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
      // U[row, column] = inverse(transpose(L))[n - 1 - column, n - 1 - row]: some rows at a time, since they are columns there.
      let width = 16
      for first in stride(from: 0, to: n, by: width) {
        let rows = first..<min(first + width, n)
        let starts = rows.map { SymmetricMatrix.rowStart($0, order: n) - $0 }
        for column in first..<n {
          let source = elements + (n - 1 - column) * n + n - 1
          for row in rows.lowerBound..<min(rows.upperBound, column + 1) {
            packed[starts[row - first] + column] = Float(source[-row])
          }
        }
      }
    }
  }

  /// The diagonal of inverse(H), by position in processing order: the squared norms of U's columns.
  public consuming func inverseDiagonal() -> [Double] {
    invert()
    let n = order
    var sums = [Double](repeating: 0, count: n)
    for row in 0..<n {
      let source = UnsafeBufferPointer(start: elements + row * n + row, count: n - row)
      sums[row] = source.reduce(0) { $0 + $1 * $1 }
    }
    return sums.reversed()
  }

  private func invert() {
    var (size, info) = (Int32(order), Int32(0))
    dtrtri_("L", "N", &size, elements, &size, &info)
    precondition(info == 0, "dtrtri returned \(info) for a factor without a zero on its diagonal")
  }

  /// Writes the upper triangle of J P H transpose(P) J.
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
        for j in i..<n {
          let b = reversed[j]
          row[j] = a <= b ? upper[starts[a] + b] : upper[starts[b] + a]
        }
      }
    }
  }
}
