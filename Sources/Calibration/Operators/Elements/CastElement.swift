import Graphs

/// An element that can be turned into any other type of element.
///
/// It travels in a carrier that holds it exactly: Double for floating-point types, Int64 or UInt64 for integers.
/// Floating-point to integer truncates toward zero and saturates at the ends of the range; NaN becomes 0. (ONNX
/// leaves what is out of range undefined; processors differ, so a fixed rule is taken.) Integer to integer keeps the
/// low bits. Anything but zero is true.
protocol CastElement: TensorElement {
  associatedtype Carrier: CastCarrier
  var carrier: Carrier { get }
  init(carrier: Double)
  init(carrier: Int64)
  init(carrier: UInt64)
}

/// A carrier, which knows by its type which of the three initializers of the target to call.
protocol CastCarrier {
  func unload<Target: CastElement>(as type: Target.Type) -> Target
}
extension Double: CastCarrier {
  @inline(__always) func unload<Target: CastElement>(as type: Target.Type) -> Target { Target(carrier: self) }
}
extension Int64: CastCarrier {
  @inline(__always) func unload<Target: CastElement>(as type: Target.Type) -> Target { Target(carrier: self) }
}
extension UInt64: CastCarrier {
  @inline(__always) func unload<Target: CastElement>(as type: Target.Type) -> Target { Target(carrier: self) }
}

extension CastElement where Self: FixedWidthInteger {
  @inline(__always) init(carrier: Double) {
    // The ends as doubles: max may round up to the next power of two, which is then out of range itself.
    if carrier >= Double(Self.max) {
      self = .max
    } else if carrier <= Double(Self.min) {
      self = .min
    } else if carrier.isNaN {
      self = 0
    } else if Self.isSigned || Self.bitWidth < 64 {
      // By way of a type whose conversion is one instruction; the generic one takes a hundred.
      self.init(truncatingIfNeeded: Int64(carrier))
    } else {
      self.init(truncatingIfNeeded: UInt64(carrier))
    }
  }
  @inline(__always) init(carrier: Int64) { self.init(truncatingIfNeeded: carrier) }
  @inline(__always) init(carrier: UInt64) { self.init(truncatingIfNeeded: carrier) }
}
extension CastElement where Self: FixedWidthInteger & SignedInteger {
  @inline(__always) var carrier: Int64 { Int64(truncatingIfNeeded: self) }
}
extension CastElement where Self: FixedWidthInteger & UnsignedInteger {
  @inline(__always) var carrier: UInt64 { UInt64(truncatingIfNeeded: self) }
}

extension Float: CastElement {
  @inline(__always) var carrier: Double { Double(self) }
  @inline(__always) init(carrier: Double) { self.init(carrier) }
  @inline(__always) init(carrier: Int64) { self.init(carrier) }
  @inline(__always) init(carrier: UInt64) { self.init(carrier) }
}
extension Double: CastElement {
  @inline(__always) var carrier: Double { self }
  @inline(__always) init(carrier: Double) { self = carrier }
  @inline(__always) init(carrier: Int64) { self.init(carrier) }
  @inline(__always) init(carrier: UInt64) { self.init(carrier) }
}
extension Int8: CastElement {}
extension Int16: CastElement {}
extension Int32: CastElement {}
extension Int64: CastElement {}
extension UInt8: CastElement {}
extension UInt16: CastElement {}
extension UInt32: CastElement {}
extension UInt64: CastElement {}

extension Half: CastElement {
  @inline(__always) var carrier: Double { double }
  @inline(__always) init(carrier: Double) { self.init(carrier) }
  // Integers that a double does not hold exactly lie beyond the range of float16.
  @inline(__always) init(carrier: Int64) { self.init(Double(carrier)) }
  @inline(__always) init(carrier: UInt64) { self.init(Double(carrier)) }
}
extension BFloat16: CastElement {
  @inline(__always) var carrier: Double { double }
  @inline(__always) init(carrier: Double) { self.init(carrier) }
  @inline(__always) init(carrier: Int64) { self.init(Double(carrier)) }
  @inline(__always) init(carrier: UInt64) { self.init(Double(carrier)) }
}
extension Bool: CastElement {
  @inline(__always) var carrier: UInt64 { self ? 1 : 0 }
  @inline(__always) init(carrier: Double) { self = carrier != 0 }
  @inline(__always) init(carrier: Int64) { self = carrier != 0 }
  @inline(__always) init(carrier: UInt64) { self = carrier != 0 }
}
