/// One scale and zero point for a whole matrix.
public struct TensorGrid: Sendable, Codable, Equatable {
  /// The step between neighbouring codes.
  public let scale: Float
  /// The code that stands for zero.
  public let zeroPoint: UInt8

  /// Makes a grid; `scale` is positive and finite.
  public init(scale: Float, zeroPoint: UInt8) {
    precondition(scale > 0 && scale.isFinite, "a scale of \(scale)")
    (self.scale, self.zeroPoint) = (scale, zeroPoint)
  }
}
