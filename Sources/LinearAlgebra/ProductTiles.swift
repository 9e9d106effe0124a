/// How a product of matrices is cut into pieces, each a library call of its own: by its sizes alone, so that its bytes do not
/// depend on who computes it.
///
/// The pieces are tiles of the result. They are as large as leaves one thread its speed: a tile reads all of its rows of A and of its
/// columns of B, and a product too small for several is one piece.
public struct ProductTiles: Sendable {
  private let rows: Int
  private let columns: Int
  private let rowStep: Int
  private let columnStep: Int

  /// Operations below which a product is one piece: what they take would not hide the taking of it.
  private static let fewestOperations = 1 << 24
  /// Columns of a tile; with half of them one thread is 4 % slower in bfloat16.
  private static let columnCount = 512

  /// The tiles of a product of (rows x depth) and (depth x columns).
  ///
  /// - Parameters:
  ///   - rowLimit: the most rows of a tile.
  ///   - columnLimit: the most columns of a tile, rounded down to a multiple of 64.
  public init(rows: Int, columns: Int, depth: Int, rowLimit: Int = 1024, columnLimit: Int = .max) {
    (self.rows, self.columns) = (rows, columns)
    let operations = 2.0 * Double(rows) * Double(columns) * Double(depth)
    let limit = max(64, columnLimit / 64 * 64)
    if operations < Double(Self.fewestOperations) {
      (rowStep, columnStep) = (max(rows, 1), max(1, min(columns, limit)))
    } else {
      (rowStep, columnStep) = (rowLimit, min(Self.columnCount, limit))
    }
  }

  /// Number of tiles.
  public var count: Int { (columns + columnStep - 1) / columnStep * rowCount }

  private var rowCount: Int { (rows + rowStep - 1) / rowStep }

  /// The rows and columns of the result that a tile has; tiles of the same columns follow each other.
  public subscript(_ index: Int) -> (rows: Range<Int>, columns: Range<Int>) {
    let (column, row) = index.quotientAndRemainder(dividingBy: rowCount)
    return (
      row * rowStep..<min((row + 1) * rowStep, rows), column * columnStep..<min((column + 1) * columnStep, columns)
    )
  }
}
