internal import COpenBLAS

/// The order in which a Cholesky factorization takes its smallest remaining pivot at every step.
public enum MinimumPivotOrder {
  /// Columns per block: the trailing matrix is updated by one `dsyrk` per block.
  private static let blockSize = 64

  /// Eliminates, again and again, the column with the smallest diagonal of the remaining Schur complement.
  ///
  /// The lowest index wins among equals. This is the structure of LAPACK's `dpstrf` (pivoted Cholesky, blocked) with
  /// the smallest pivot for its largest. Complexity: n^3 / 3 multiplications; memory: one n x n matrix.
  ///
  /// - Returns: the columns as they were eliminated; a solve processes them in reverse.
  /// - Throws: `CholeskyError.notPositiveDefinite` with the number of the pivot that is not above zero.
  public static func eliminate(_ matrix: SymmetricMatrix) throws(CholeskyError) -> [Int] {
    let elements = UnsafeMutablePointer<Double>.allocate(capacity: matrix.order * matrix.order)
    defer { elements.deallocate() }
    return try eliminate(matrix, factor: elements)
  }

  /// The same, leaving in `a` (n x n, row-major) the lower triangular L of H = L transpose(L), with rows and columns in
  /// the order of elimination; what is above its diagonal is unspecified.
  static func eliminate(
    _ matrix: SymmetricMatrix, factor a: UnsafeMutablePointer<Double>
  ) throws(CholeskyError) -> [Int] {
    let n = matrix.order
    precondition(n > 0 && n <= Int(Int32.max), "order \(n)")
    // Row i holds L[i, 0 ..< block start] and the Schur complement behind it.
    for i in 0..<n { for j in 0...i { a[i * n + j] = matrix[i, j] } }
    var columns = [Int](0..<n)
    var diagonal = matrix.diagonal

    for start in stride(from: 0, to: n, by: blockSize) {
      let end = min(start + blockSize, n)
      for k in start..<end {
        // The lowest *original* index wins ties, because swaps move columns about.
        var pivot = k
        for i in k..<n where (diagonal[i], columns[i]) < (diagonal[pivot], columns[pivot]) { pivot = i }
        guard diagonal[pivot] > 0 else { throw .notPositiveDefinite(order: k + 1) }
        if pivot != k {
          swap(a, n, k, pivot)
          columns.swapAt(k, pivot)
          diagonal.swapAt(k, pivot)
        }
        let root = diagonal[k].squareRoot()
        a[k * n + k] = root
        guard k + 1 < n else { break }
        // L[i, k] = (S[i, k] - sum over this block's earlier columns of L[i, m] L[k, m]) / root
        let below = Int32(n - k - 1)
        if k > start {
          cblas_dgemv(
            CblasRowMajor, CblasNoTrans, below, Int32(k - start), -1, a + (k + 1) * n + start, Int32(n),
            a + k * n + start, 1, 1, a + (k + 1) * n + k, Int32(n))
        }
        for i in k + 1..<n {
          let value = a[i * n + k] / root
          a[i * n + k] = value
          diagonal[i] -= value * value
        }
      }
      if end < n {
        cblas_dsyrk(
          CblasRowMajor, CblasLower, CblasNoTrans, Int32(n - end), Int32(end - start), -1, a + end * n + start,
          Int32(n), 1, a + end * n + end, Int32(n))
      }
    }
    return columns
  }

  /// Exchanges rows and columns `k` < `pivot` of a symmetric matrix whose lower triangle is stored.
  private static func swap(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ k: Int, _ pivot: Int) {
    for j in 0..<k { (a[k * n + j], a[pivot * n + j]) = (a[pivot * n + j], a[k * n + j]) }
    for i in k + 1..<pivot { (a[i * n + k], a[pivot * n + i]) = (a[pivot * n + i], a[i * n + k]) }
    for i in pivot + 1..<max(n, pivot + 1) { (a[i * n + k], a[i * n + pivot]) = (a[i * n + pivot], a[i * n + k]) }
    (a[k * n + k], a[pivot * n + pivot]) = (a[pivot * n + pivot], a[k * n + k])
  }
}
