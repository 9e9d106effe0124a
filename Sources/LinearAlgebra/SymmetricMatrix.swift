/// A symmetric matrix in float64 that stores its upper triangle.
///
/// Layout: row after row, row i holding columns i ..< order; `order * (order + 1) / 2` elements.
public struct SymmetricMatrix: Sendable {
  /// Number of rows and of columns.
  public let order: Int
  /// The upper triangle, row after row.
  public var upper: [Double]

  /// Wraps a packed upper triangle.
  public init(order: Int, upper: [Double]) {
    precondition(upper.count == Self.count(order: order), "\(upper.count) elements for order \(order)")
    (self.order, self.upper) = (order, upper)
  }

  /// Number of stored elements.
  public static func count(order: Int) -> Int { order * (order + 1) / 2 }

  /// Where row `row` starts in a packed upper triangle; its first element is the diagonal.
  public static func rowStart(_ row: Int, order: Int) -> Int { row * order - row * (row - 1) / 2 }

  /// The element at `row`, `column`.
  public subscript(_ row: Int, _ column: Int) -> Double {
    let (low, high) = (min(row, column), max(row, column))
    return upper[Self.rowStart(low, order: order) + high - low]
  }

  /// The diagonal, `order` elements.
  public var diagonal: [Double] { (0..<order).map { upper[Self.rowStart($0, order: order)] } }
}
