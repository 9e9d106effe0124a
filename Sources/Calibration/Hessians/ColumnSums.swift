import Graphs

internal import CKernels

/// Sums over the rows of a tensor whose last axis are `columns` columns: float32 or bfloat16 elements, float64 sums, row
/// after row, so the same on every CPU.
enum ColumnSums {
  /// The sum of each column.
  static func sums(_ tensor: Tensor, columns: Int) -> [Double] {
    add(tensor, columns: columns, float: kernels_add_columns, half: kernels_add_columns_bfloat16)
  }

  /// The sum of each column's squares.
  static func squares(_ tensor: Tensor, columns: Int) -> [Double] {
    add(tensor, columns: columns, float: kernels_add_column_squares, half: kernels_add_column_squares_bfloat16)
  }

  /// The sum of the squares of each column's differences, which are rounded to float32; tensors of one shape and type.
  static func squares(_ left: Tensor, minus right: Tensor, columns: Int) -> [Double] {
    precondition(left.shape == right.shape, "inputs of shape \(left.shape) and \(right.shape)")
    var sums = [Double](repeating: 0, count: columns)
    guard left.count > 0 else { return sums }
    let rows = left.count / columns
    if left.elementType == .float32 {
      left.withElements { (left: UnsafeBufferPointer<Float>) in
        right.withElements { (right: UnsafeBufferPointer<Float>) in
          kernels_add_difference_squares(&sums, left.baseAddress, right.baseAddress, rows, columns)
        }
      }
    } else {
      left.withBFloat16 { left in
        right.withBFloat16 { kernels_add_difference_squares_bfloat16(&sums, left, $0, rows, columns) }
      }
    }
    return sums
  }

  private static func add(
    _ tensor: Tensor, columns: Int, float: (UnsafeMutablePointer<Double>?, UnsafePointer<Float>?, Int, Int) -> Void,
    half: (UnsafeMutablePointer<Double>?, UnsafePointer<UInt16>?, Int, Int) -> Void
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: columns)
    guard tensor.count > 0 else { return sums }
    let rows = tensor.count / columns
    if tensor.elementType == .float32 {
      tensor.withElements { (elements: UnsafeBufferPointer<Float>) in
        float(&sums, elements.baseAddress, rows, columns)
      }
    } else {
      tensor.withBFloat16 { half(&sums, $0, rows, columns) }
    }
    return sums
  }
}
