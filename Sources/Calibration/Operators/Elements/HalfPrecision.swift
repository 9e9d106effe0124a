import Graphs

/// A float16 element: 1 sign, 5 exponent and 10 fraction bits (IEEE 754 binary16). Storage only.
struct Half: TensorElement {
  static var elementType: ElementType { .float16 }
  var bits: UInt16

  /// `value` rounded to the nearest, ties to even; beyond the range to infinity.
  @inline(__always) init(_ value: Double) { bits = Float16(value).bitPattern }
  /// The exact value.
  @inline(__always) var double: Double { Double(Float16(bitPattern: bits)) }
}

/// A bfloat16 element: the upper half of a float32. Storage only.
struct BFloat16: TensorElement {
  static var elementType: ElementType { .bfloat16 }
  var bits: UInt16

  /// `value` rounded to float32 and from there to the nearest, ties to even; NaN stays NaN.
  @inline(__always) init(_ value: Double) {
    let single = Float(value)
    let pattern = single.bitPattern
    // Adding just under half of the last place that is kept, and that place itself, rounds ties to even.
    bits =
      single.isNaN
      ? UInt16(truncatingIfNeeded: pattern >> 16) | 0x0040
      : UInt16(truncatingIfNeeded: (pattern &+ 0x7FFF &+ (pattern >> 16 & 1)) >> 16)
  }
  /// The exact value.
  @inline(__always) var double: Double { Double(Float(bitPattern: UInt32(bits) << 16)) }
}
