import Graphs
import LinearAlgebra

/// How far two outputs of a layer are from each other.
public enum OutputDistance {
  /// The sum of the squared differences of two float32 tensors of one shape, in float64 and in a fixed order: that of pieces of one
  /// size.
  public static func squared(_ left: Tensor, _ right: Tensor, workers: Workers = .alone) -> Double {
    precondition(left.shape == right.shape, "outputs of shape \(left.shape) and \(right.shape)")
    var parts = [Double](repeating: 0, count: (left.count + Pieces.elements - 1) / Pieces.elements)
    left.withElements(as: Float.self) { left in
      right.withElements(as: Float.self) { right in
        parts.withUnsafeMutableBufferPointer { parts in
          nonisolated(unsafe) let (left, right, parts) = (left, right, parts)
          workers.forEachRange(left.count, size: Pieces.elements) { range in
            parts[range.lowerBound / Pieces.elements] = WideSums.squaredDistance(
              UnsafeBufferPointer(rebasing: left[range]), UnsafeBufferPointer(rebasing: right[range]))
          }
        }
      }
    }
    return parts.reduce(0, +)
  }
}
