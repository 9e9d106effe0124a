/// The type in which a model stores scales.
///
/// A scale is rounded to this type before it is used, so that the stored model is the one whose error was compensated.
public enum ScaleType: String, Sendable, Codable, CaseIterable {
  /// 32 bits, IEEE 754.
  case float32
  /// 16 bits, IEEE 754.
  case float16
  /// The upper 16 bits of a float32.
  case bfloat16

  /// The nearest positive finite value of the type, ties to even; what is too small becomes the smallest positive one.
  ///
  /// - Parameter scale: positive and finite.
  public func rounded(_ scale: Float) -> Float {
    switch self {
    case .float32: scale
    case .float16: max(min(Float(Float16(scale)), 65504), Float(Float16.leastNonzeroMagnitude))
    case .bfloat16: Self.roundedToUpperHalf(scale)
    }
  }

  private static func roundedToUpperHalf(_ scale: Float) -> Float {
    let bits = scale.bitPattern
    let upper = (bits &+ 0x7FFF &+ ((bits >> 16) & 1)) >> 16
    return Float(bitPattern: min(max(upper, 1), 0x7F7F) << 16)
  }
}
