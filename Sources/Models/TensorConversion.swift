import Graphs

extension Tensor {
  /// The elements as float32 (float64 is rounded); nil for elements that are not floating-point numbers.
  public var floatValues: [Float]? {
    switch elementType {
    case .float32: array(of: Float.self)
    case .float64: withElements(as: Double.self) { $0.map { Float($0) } }
    case .float16: withBytes { $0.withMemoryRebound(to: Float16.self) { $0.map { Float($0) } } }
    case .bfloat16:
      withBytes { $0.withMemoryRebound(to: UInt16.self) { $0.map { Float(bitPattern: UInt32($0) << 16) } } }
    default: nil
    }
  }

  /// The elements as float64; nil for elements that are not floating-point numbers.
  var doubleValues: [Double]? {
    elementType == .float64 ? array(of: Double.self) : floatValues.map { $0.map { Double($0) } }
  }

  /// The elements of an integer type of up to 32 bits (unsigned: 16); nil for other types.
  var integerValues: [Int32]? {
    switch elementType {
    case .int8: withElements(as: Int8.self) { $0.map { Int32($0) } }
    case .uint8: withElements(as: UInt8.self) { $0.map { Int32($0) } }
    case .int16: withElements(as: Int16.self) { $0.map { Int32($0) } }
    case .uint16: withElements(as: UInt16.self) { $0.map { Int32($0) } }
    case .int32: array(of: Int32.self)
    default: nil
    }
  }

  /// A floating-point tensor in another floating-point type, each element rounded to nearest, ties to even.
  ///
  /// Returns nil if either type is not float16, bfloat16, float32 or float64. Elements pass through float32, so
  /// float64 keeps 24 bits of precision.
  public func converted(toFloat type: ElementType) -> Tensor? {
    if type == elementType { return floatTypes.contains(type) ? self : nil }
    guard let values = floatValues else { return nil }
    switch type {
    case .float32: return Tensor(values, shape: shape)
    case .float64: return Tensor(values.map { Double($0) }, shape: shape)
    case .float16:
      let bits = Tensor(values.map { Float16($0).bitPattern }, shape: shape)
      return Tensor(elementType: .float16, shape: shape, storage: bits.storage)
    case .bfloat16:
      let bits = Tensor(values.map { $0.bfloat16Bits }, shape: shape)
      return Tensor(elementType: .bfloat16, shape: shape, storage: bits.storage)
    default: return nil
    }
  }

  private var floatTypes: Set<ElementType> { [.float16, .bfloat16, .float32, .float64] }
}

extension Float {
  /// The upper 16 bits, rounded to nearest, ties to even: a bfloat16.
  var bfloat16Bits: UInt16 {
    if isNaN { return UInt16(truncatingIfNeeded: bitPattern >> 16) | 0x40 }
    return UInt16(truncatingIfNeeded: (bitPattern + 0x7FFF + (bitPattern >> 16 & 1)) >> 16)
  }
}
