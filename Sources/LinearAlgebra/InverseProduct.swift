/// Products with the inverse of a symmetric matrix that is known by a factor.
public enum InverseProduct {
  /// Rows of a tile, whose products have the same shape wherever they run.
  public static let tileRows = 64

  /// Columns of U that are unpacked at a time.
  private static let panel = 128

  /// Computes B inverse(H) = B transpose(U) U in place for whole tiles of B, in float32 on the calling thread.
  ///
  /// A row's result depends on its tile alone, so tiles may be shared out in any way. 2 * rows * order² operations; memory of
  /// a panel of `order` x 128 and a tile of 64 x 128 numbers.
  ///
  /// - Parameters:
  ///   - b: rows x order, row-major, its columns in the order of U.
  ///   - tiles: which tiles of `tileRows` rows to compute; the last one of B may have fewer rows.
  ///   - upper: U, packed row after row as in `SymmetricMatrix`.
  public static func multiply(
    _ b: UnsafeMutablePointer<Float>, rows: Int, order: Int, tiles: Range<Int>, upper: FloatStorage
  ) {
    precondition(upper.count == SymmetricMatrix.count(order: order), "\(upper.count) elements for order \(order)")
    precondition(tiles.lowerBound >= 0 && tiles.upperBound <= tileCount(rows: rows), "tiles \(tiles) of \(rows) rows")
    let first = tiles.lowerBound * tileRows
    let last = min(tiles.upperBound * tileRows, rows)
    guard first < last else { return }
    upper.withUnsafeBufferPointer { upper in
      Temporary.withFloats(panel * order) { unpacked in
        Temporary.withFloats(tileRows * panel) { product in
          // T = B transpose(U), from the first panel on: T's columns of a panel need B's columns from there on, and take their place.
          for start in stride(from: 0, to: order, by: panel) {
            let (width, depth) = (min(panel, order - start), order - start)
            unpackRows(upper, start..<start + width, order: order, to: unpacked)
            for tile in stride(from: first, to: last, by: tileRows) {
              let count = min(tileRows, last - tile)
              let target = b + tile * order + start
              GEMM.multiply(
                rows: count, columns: width, depth: depth, target, stride: order, transposed: false, unpacked,
                stride: depth,
                transposed: true, into: product, stride: width)
              for row in 0..<count { (target + row * order).update(from: product + row * width, count: width) }
            }
          }
          // T U, from the last panel on: a panel's columns need T's columns up to them, and take their place.
          for start in stride(from: (order - 1) / panel * panel, through: 0, by: -panel) {
            let (width, depth) = (min(panel, order - start), min(start + panel, order))
            unpackColumns(upper, start..<start + width, order: order, to: unpacked)
            for tile in stride(from: first, to: last, by: tileRows) {
              let count = min(tileRows, last - tile)
              let source = b + tile * order
              GEMM.multiply(
                rows: count, columns: width, depth: depth, source, stride: order, unpacked, stride: width,
                into: product, stride: width)
              for row in 0..<count {
                (source + row * order + start).update(from: product + row * width, count: width)
              }
            }
          }
        }
      }
    }
  }

  /// Tiles of a matrix of `rows` rows.
  public static func tileCount(rows: Int) -> Int { (rows + tileRows - 1) / tileRows }

  /// Rows of U as rows of a matrix whose columns begin with the first row's diagonal.
  private static func unpackRows(
    _ upper: UnsafeBufferPointer<Float>, _ rows: Range<Int>, order: Int, to target: UnsafeMutablePointer<Float>
  ) {
    let depth = order - rows.lowerBound
    for row in rows {
      let (line, skipped) = (target + (row - rows.lowerBound) * depth, row - rows.lowerBound)
      line.update(repeating: 0, count: skipped)
      (line + skipped).update(
        from: upper.baseAddress! + SymmetricMatrix.rowStart(row, order: order), count: order - row)
    }
  }

  /// Columns of U as a matrix of as many rows as have numbers in them.
  private static func unpackColumns(
    _ upper: UnsafeBufferPointer<Float>, _ columns: Range<Int>, order: Int, to target: UnsafeMutablePointer<Float>
  ) {
    for row in 0..<columns.upperBound {
      let line = target + row * columns.count
      let begin = max(row, columns.lowerBound)
      line.update(repeating: 0, count: begin - columns.lowerBound)
      (line + begin - columns.lowerBound).update(
        from: upper.baseAddress! + SymmetricMatrix.rowStart(row, order: order) + begin - row,
        count: columns.upperBound - begin)
    }
  }
}
