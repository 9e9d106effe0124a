/// The order in which a Cholesky factorization takes its smallest remaining pivot at every step.
public enum MinimumPivotOrder {
  /// The columns as they were eliminated; a solve processes them in reverse. See `InverseCholesky.eliminate(minimumPivots:)`.
  ///
  /// - Throws: `CholeskyError.notPositiveDefinite` with the number of the pivot that is not above zero.
  public static func eliminate(_ matrix: SymmetricMatrix) throws(CholeskyError) -> [Int] {
    try InverseCholesky(minimumPivots: matrix).processing.reversed()
  }
}
