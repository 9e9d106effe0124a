extension ElementType {
  /// Whether the elements are floating-point numbers of 16 bits.
  public var isHalf: Bool { self == .float16 || self == .bfloat16 }
}

extension Tensor {
  /// The tensor with float32 elements, each exactly the one it was; itself if it has them. Floating-point numbers of at
  /// most 32 bits only.
  public var widened: Tensor {
    if elementType == .float32 { return self }
    return Tensor(shape: shape) { (target: UnsafeMutableBufferPointer<Float>) in
      if let base = target.baseAddress { copyWidened(0..<count, to: base) }
    }
  }

  /// Writes the elements `range` (row-major), as float32, to `target`. They are float32, bfloat16 or float16.
  public func copyWidened(_ range: Range<Int>, to target: UnsafeMutablePointer<Float>) {
    precondition(range.lowerBound >= 0 && range.upperBound <= count, "elements \(range) of \(count)")
    withBytes { bytes in
      guard let base = bytes.baseAddress, !range.isEmpty else { return }
      switch elementType {
      case .float32:
        target.update(from: base.assumingMemoryBound(to: Float.self) + range.lowerBound, count: range.count)
      case .bfloat16:
        let source = base.assumingMemoryBound(to: UInt16.self) + range.lowerBound
        for index in 0..<range.count { target[index] = Float(bitPattern: UInt32(source[index]) << 16) }
      case .float16:
        let source = base.assumingMemoryBound(to: UInt16.self) + range.lowerBound
        for index in 0..<range.count { target[index] = Self.widen(source[index]) }
      default: preconditionFailure("elements of type \(elementType) cannot be widened")
      }
    }
  }

  /// A float16 as float32, in operations that vectorize on every CPU; conversion instructions are not in all of them.
  @inline(__always)
  private static func widen(_ half: UInt16) -> Float {
    let bits = UInt32(half)
    // Exponent and fraction in the places of float32; a product with 2^112 corrects the bias, subnormals too.
    let magnitude = Float(bitPattern: (bits & 0x7FFF) << 13) * 0x1p112
    // Infinity and NaN keep their exponent of ones.
    let special: UInt32 = bits & 0x7C00 == 0x7C00 ? 0x7F80_0000 : 0
    return Float(bitPattern: magnitude.bitPattern | special | (bits & 0x8000) << 16)
  }
}
