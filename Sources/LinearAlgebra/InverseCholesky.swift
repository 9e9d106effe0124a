/// The way from a symmetric positive definite H to the upper triangular U with inverse(H) = transpose(U) U, in
/// float64 and without forming the inverse.
///
/// With J the reversal of rows and columns, J H J = L transpose(L) gives H = R transpose(R) with R = J L J upper
/// triangular, so U = inverse(R) = J inverse(L) J: one Cholesky factorization and one triangular inverse, 2/3 n^3
/// operations where factor, invert, factor takes 4/3 n^3.
///
/// The two steps are separate, because the diagonal of L already tells sum(1 / U_jj^2), which compares orders. How a team
/// computes them: `TiledFactor`. The result does not depend on the team.
///
/// Where several processes are a team, each has one of these on the same memory, and all call the same methods.
public final class InverseCholesky {
  /// Number of rows and of columns.
  public var order: Int { factor.order }
  /// Row k of U belongs to column `processing[k]`.
  public private(set) var processing: [Int] = []
  private let factor: TiledFactor
  private let team: Team
  /// Memory that this object has allocated.
  private let own: UnsafeMutableRawPointer?
  private var choosesPivots = false

  /// Prepares for matrices of one order, with memory of its own: about n²/2 float64.
  public init(order: Int, team: Team = Team()) {
    let memory = UnsafeMutableRawPointer.allocate(byteCount: TiledFactor.byteCount(order: order), alignment: 64)
    (factor, self.team, own) = (TiledFactor(order: order, memory: memory), team, memory)
  }

  /// Works in memory that the processes of the team share and that outlives this object: `TiledFactor.byteCount(order:)` bytes at a
  /// multiple of 64.
  public init(order: Int, memory: UnsafeMutableRawPointer, team: Team) {
    (factor, self.team, own) = (TiledFactor(order: order, memory: memory), team, nil)
  }

  /// Factors `matrix` with its rows and columns taken in the order `processing`, with memory of its own.
  public convenience init(_ matrix: SymmetricMatrix, processing: [Int], team: Team = Team()) throws(CholeskyError) {
    self.init(order: matrix.order, team: team)
    try matrix.withSource { source throws(CholeskyError) in try eliminate(source, processing: processing) }
  }

  /// Factors `matrix` in the reverse of the order of smallest pivots, with memory of its own.
  public convenience init(minimumPivots matrix: SymmetricMatrix, team: Team = Team()) throws(CholeskyError) {
    self.init(order: matrix.order, team: team)
    try matrix.withSource { source throws(CholeskyError) in try eliminate(minimumPivots: source) }
  }

  deinit { own?.deallocate() }

  /// Factors a matrix with its rows and columns taken in the order `processing`.
  ///
  /// - Parameter processing: a permutation of 0 ..< order; row k of U belongs to column `processing[k]`.
  /// - Throws: `CholeskyError.notPositiveDefinite`; its order counts from the column that is processed last.
  public func eliminate(_ source: TiledFactor.Source, processing: [Int]) throws(CholeskyError) {
    precondition(processing.count == order, "a permutation of \(processing.count) for order \(order)")
    try eliminate(source, elimination: processing.reversed())
  }

  /// Factors a matrix in the reverse of the order of smallest pivots: again and again the column with the smallest diagonal of the
  /// remaining Schur complement is eliminated, of equal ones the lowest. The search for the order is the factorization.
  ///
  /// - Throws: `CholeskyError.notPositiveDefinite` with the number of the pivot that is not above zero.
  public func eliminate(minimumPivots source: TiledFactor.Source) throws(CholeskyError) {
    try eliminate(source, elimination: nil)
  }

  private func eliminate(_ source: TiledFactor.Source, elimination: [Int]?) throws(CholeskyError) {
    let factor = factor
    let failed = team.run { member in
      factor.load(source, elimination: elimination, member)
      return factor.eliminate(choosesPivots: elimination == nil, member)
    }
    if let failed { throw .notPositiveDefinite(order: failed) }
    (choosesPivots, processing) = (elimination == nil, factor.eliminated.reversed())
  }

  /// Whether all elements of a packed upper triangle are finite.
  public func isFinite(_ upper: UnsafePointer<Double>) -> Bool {
    let shared = TiledFactor.Source(upper: upper, diagonal: [])
    let count = SymmetricMatrix.count(order: order)
    return team.run { member in
      if member.index == 0 { member.word = 0 }
      member.wait()
      let piece = 1 << 16
      member.share((count + piece - 1) / piece) { index in
        // A product with zero is NaN exactly where an element is not finite.
        var sums = SIMD8<Double>(repeating: 0)
        var next = index * piece
        let end = min(next + piece, count)
        while next + 8 <= end {
          sums += UnsafeRawPointer(shared.upper + next).loadUnaligned(as: SIMD8<Double>.self) * 0
          next += 8
        }
        var sum = sums.sum()
        while next < end {
          sum += shared.upper[next] * 0
          next += 1
        }
        if !(sum == 0) { member.word = 1 }
      }
      return member.word == 0
    }
  }

  /// sum(1 / U_jj^2) = sum(L_jj^2): proportional to the predicted loss of a solve in this order.
  public var predictedLoss: Double { factor.predictedLoss }

  /// U's diagonal, by position.
  public var inverseRoots: [Double] { (0..<order).map { 1 / factor.roots[order - 1 - $0] } }

  /// Writes U in float32: packed, row after row, row k holding the columns k ..< order (in processing order). Once after each
  /// elimination.
  public func writeInverse(to packed: UnsafeMutablePointer<Float>) { invert(.packed(packed)) }

  /// U as by `writeInverse(to:)`.
  public func inverse() -> [Float] {
    [Float](unsafeUninitializedCapacity: SymmetricMatrix.count(order: order)) { packed, count in
      writeInverse(to: packed.baseAddress!)
      count = SymmetricMatrix.count(order: order)
    }
  }

  /// The diagonal of inverse(H), by position in processing order: the squared norms of U's columns. Once after each elimination.
  public func inverseDiagonal() -> [Double] {
    // What remained of the diagonal is needed no more, and all processes see it.
    invert(.inverseDiagonal(factor.diagonal))
    return (0..<order).map { factor.diagonal[$0] }
  }

  private func invert(_ result: TiledFactor.Result) {
    let (factor, choosesPivots) = (factor, choosesPivots)
    team.run { factor.invert(to: result, choosesPivots: choosesPivots, $0) }
  }
}

extension SymmetricMatrix {
  /// The matrix as a factorization reads it.
  func withSource<R, E: Error>(_ body: (TiledFactor.Source) throws(E) -> R) throws(E) -> R {
    let diagonal = diagonal
    return try upper.withUnsafeBufferPointer { upper throws(E) in
      try body(TiledFactor.Source(upper: upper.baseAddress!, diagonal: diagonal))
    }
  }
}
