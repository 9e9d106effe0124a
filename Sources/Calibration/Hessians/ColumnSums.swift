import Graphs
import LinearAlgebra

internal import CKernels

/// Sums over the rows of a tensor whose last axis are `columns` columns: float32 or bfloat16 elements, float64 sums, row
/// after row, so the same on every CPU. Some columns are a piece.
enum ColumnSums {
  /// The sum of each column.
  static func sums(_ tensor: Tensor, columns: Int, _ workers: Workers) -> [Double] {
    sums(tensor, columns: columns, 0..<columns, workers)
  }

  /// The sums of the columns `part`.
  static func sums(_ tensor: Tensor, columns: Int, _ part: Range<Int>, _ workers: Workers = .alone) -> [Double] {
    add(tensor, columns: columns, part, workers, float: kernels_add_columns, half: kernels_add_columns_bfloat16)
  }

  /// The sum of each column's squares.
  static func squares(_ tensor: Tensor, columns: Int, _ workers: Workers) -> [Double] {
    add(
      tensor, columns: columns, 0..<columns, workers, float: kernels_add_column_squares,
      half: kernels_add_column_squares_bfloat16)
  }

  /// The sum of the squares of each column's differences, which are rounded to float32; tensors of one shape and type.
  static func squares(_ left: Tensor, minus right: Tensor, columns: Int, _ workers: Workers) -> [Double] {
    precondition(left.shape == right.shape, "inputs of shape \(left.shape) and \(right.shape)")
    let rows = left.count / max(columns, 1)
    if rows == 0 { return Array(repeating: 0, count: columns) }
    if left.elementType == .float32 {
      return left.withElements { (left: UnsafeBufferPointer<Float>) in
        right.withElements { (right: UnsafeBufferPointer<Float>) in
          nonisolated(unsafe) let (left, right) = (left.baseAddress!, right.baseAddress!)
          return inPieces(rows, 0..<columns, workers) {
            kernels_add_difference_squares($1, left + $0.lowerBound, right + $0.lowerBound, rows, $0.count, columns)
          }
        }
      }
    }
    return left.withBFloat16 { left in
      right.withBFloat16 { right in
        nonisolated(unsafe) let (left, right) = (left, right)
        return inPieces(rows, 0..<columns, workers) {
          kernels_add_difference_squares_bfloat16(
            $1, left + $0.lowerBound, right + $0.lowerBound, rows, $0.count, columns)
        }
      }
    }
  }

  private static func add(
    _ tensor: Tensor, columns: Int, _ part: Range<Int>, _ workers: Workers,
    float: @escaping @Sendable (UnsafeMutablePointer<Double>?, UnsafePointer<Float>?, Int, Int, Int) -> Void,
    half: @escaping @Sendable (UnsafeMutablePointer<Double>?, UnsafePointer<UInt16>?, Int, Int, Int) -> Void
  ) -> [Double] {
    let rows = tensor.count / max(columns, 1)
    if rows == 0 { return Array(repeating: 0, count: part.count) }
    if tensor.elementType == .float32 {
      return tensor.withElements { (elements: UnsafeBufferPointer<Float>) in
        nonisolated(unsafe) let elements = elements.baseAddress!
        return inPieces(rows, part, workers) { float($1, elements + $0.lowerBound, rows, $0.count, columns) }
      }
    }
    return tensor.withBFloat16 { elements in
      nonisolated(unsafe) let elements = elements
      return inPieces(rows, part, workers) { half($1, elements + $0.lowerBound, rows, $0.count, columns) }
    }
  }

  /// Zeros for the columns `part`, to which `body` adds the sums of some columns at a time.
  private static func inPieces(
    _ rows: Int, _ part: Range<Int>, _ workers: Workers,
    _ body: @escaping @Sendable (Range<Int>, UnsafeMutablePointer<Double>) -> Void
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: part.count)
    sums.withUnsafeMutableBufferPointer { sums in
      guard let base = sums.baseAddress else { return }
      nonisolated(unsafe) let target = base
      workers.forEachRange(part.count, size: (Pieces.rows(rows) + 63) / 64 * 64) { range in
        body(part.lowerBound + range.lowerBound..<part.lowerBound + range.upperBound, target + range.lowerBound)
      }
    }
    return sums
  }
}
