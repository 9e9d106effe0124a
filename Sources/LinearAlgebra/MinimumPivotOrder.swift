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

  /// The same, leaving in `a` (n x n, row-major) the upper triangular R of H = transpose(R) R, with rows and columns in
  /// the order of elimination; what is below its diagonal is unspecified.
  ///
  /// A step writes one row of R, which lies in one piece. A row of an earlier block is not touched by later exchanges of
  /// columns; it is brought to the final order at the end.
  static func eliminate(
    _ matrix: SymmetricMatrix, factor a: UnsafeMutablePointer<Double>
  ) throws(CholeskyError) -> [Int] {
    let n = matrix.order
    precondition(n > 0 && n <= Int(Int32.max), "order \(n)")
    // Row i holds the Schur complement from its diagonal on.
    matrix.upper.withUnsafeBufferPointer { upper in
      for i in 0..<n {
        (a + i * n + i).update(from: upper.baseAddress! + SymmetricMatrix.rowStart(i, order: n), count: n - i)
      }
    }
    var columns = [Int](0..<n)
    var diagonal = matrix.diagonal
    // The order of columns when each block was done.
    var orders: [[Int]] = []

    for start in stride(from: 0, to: n, by: blockSize) {
      let end = min(start + blockSize, n)
      for k in start..<end {
        let pivot = smallest(diagonal, columns, from: k)
        guard diagonal[pivot] > 0 else { throw .notPositiveDefinite(order: k + 1) }
        if pivot != k {
          exchange(a, n, k, pivot, blockStart: start)
          columns.swapAt(k, pivot)
          diagonal.swapAt(k, pivot)
        }
        let root = diagonal[k].squareRoot()
        let row = a + k * n
        row[k] = root
        guard k + 1 < n else { break }
        // R[k, i] = (S[k, i] - sum over this block's earlier rows of R[m, k] R[m, i]) / root
        if k > start {
          cblas_dgemv(
            CblasRowMajor, CblasTrans, Int32(k - start), Int32(n - k - 1), -1, a + start * n + k + 1, Int32(n),
            a + start * n + k, Int32(n), 1, row + k + 1, 1)
        }
        diagonal.withUnsafeMutableBufferPointer { diagonal in
          for i in k + 1..<n {
            let value = row[i] / root
            row[i] = value
            diagonal[i] -= value * value
          }
        }
      }
      orders.append(columns)
      if end < n {
        cblas_dsyrk(
          CblasRowMajor, CblasUpper, CblasTrans, Int32(n - end), Int32(end - start), -1, a + start * n + end,
          Int32(n), 1, a + end * n + end, Int32(n))
      }
    }
    reorder(a, n, orders, final: columns)
    return columns
  }

  /// The lowest of the columns with the smallest diagonal, counting by their original numbers, because exchanges move
  /// columns about.
  private static func smallest(_ diagonal: [Double], _ columns: [Int], from k: Int) -> Int {
    var pivot = k
    for i in k + 1..<max(diagonal.count, k + 1) {
      if diagonal[i] > diagonal[pivot] { continue }
      // Neither is NaN, or the pivot is and is refused.
      if diagonal[i] < diagonal[pivot] || columns[i] < columns[pivot] { pivot = i }
    }
    return pivot
  }

  /// Exchanges rows and columns `k` < `pivot` of a symmetric matrix whose upper triangle is stored, and of the rows of R of
  /// this block.
  private static func exchange(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ k: Int, _ pivot: Int, blockStart: Int) {
    for m in blockStart..<k { (a[m * n + k], a[m * n + pivot]) = (a[m * n + pivot], a[m * n + k]) }
    for i in k + 1..<pivot { (a[k * n + i], a[i * n + pivot]) = (a[i * n + pivot], a[k * n + i]) }
    for i in pivot + 1..<max(n, pivot + 1) {
      (a[k * n + i], a[pivot * n + i]) = (a[pivot * n + i], a[k * n + i])
    }
    (a[k * n + k], a[pivot * n + pivot]) = (a[pivot * n + pivot], a[k * n + k])
  }

  /// Brings the rows of each block, which are in the order of columns of the block's end, to the final order.
  private static func reorder(_ a: UnsafeMutablePointer<Double>, _ n: Int, _ orders: [[Int]], final: [Int]) {
    var positions = [Int](repeating: 0, count: n)
    for (position, column) in final.enumerated() { positions[column] = position }
    var moved = [Double](repeating: 0, count: n)
    for (block, order) in orders.enumerated() {
      let targets = order.map { positions[$0] }
      let end = min((block + 1) * blockSize, n)
      for row in block * blockSize..<end {
        for i in end..<n { moved[targets[i]] = a[row * n + i] }
        for i in end..<n { a[row * n + i] = moved[i] }
      }
    }
  }
}
