import Graphs

/// How far two outputs of a layer are from each other.
public enum OutputDistance {
  /// The sum of the squared differences of two float32 tensors of one shape, in float64 and in a fixed order.
  public static func squared(_ left: Tensor, _ right: Tensor) -> Double {
    precondition(left.shape == right.shape, "outputs of shape \(left.shape) and \(right.shape)")
    return left.withElements(as: Float.self) { left in
      right.withElements(as: Float.self) { right in WideSums.squaredDistance(left, right) }
    }
  }
}
