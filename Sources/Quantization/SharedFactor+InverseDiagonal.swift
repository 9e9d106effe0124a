import LinearAlgebra

extension SharedFactor {
  /// The diagonal of the inverse of the damped H, by natural column: the squared norms of U's columns.
  ///
  /// As exact as U, which is float32: to about 1e-7 relatively. Complexity: O(columns²).
  public var inverseDiagonal: [Double] {
    var sums = [Double](repeating: 0, count: columns)
    inverse.withUnsafeBufferPointer { inverse in
      for k in 0..<columns {
        let row = UnsafeBufferPointer(
          rebasing: inverse[SymmetricMatrix.rowStart(k, order: columns)...].prefix(columns - k))
        for i in row.indices { sums[k + i] += Double(row[i]) * Double(row[i]) }
      }
    }
    var diagonal = [Double](repeating: 0, count: columns)
    for k in 0..<columns { diagonal[Int(order[k])] = sums[k] / unit }
    return diagonal
  }
}
