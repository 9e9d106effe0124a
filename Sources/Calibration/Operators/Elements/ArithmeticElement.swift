import Graphs

/// An element that can be computed with: the integers and the floating-point types of at least 32 bits.
///
/// Integers wrap around. Division truncates toward zero; by zero it gives 0, where ONNX defines nothing.
/// `minimum` and `maximum` return NaN if either operand is NaN, as numpy does.
protocol ArithmeticElement: TensorElement, Comparable {
  /// What sums of these elements are formed in.
  associatedtype Sum: ArithmeticElement

  static func sum(_ a: Self, _ b: Self) -> Self
  static func difference(_ a: Self, _ b: Self) -> Self
  static func product(_ a: Self, _ b: Self) -> Self
  static func quotient(_ a: Self, _ b: Self) -> Self
  static func minimumOrNaN(_ a: Self, _ b: Self) -> Self
  static func maximumOrNaN(_ a: Self, _ b: Self) -> Self
  static func magnitude(_ a: Self) -> Self
  /// The value that the maximum of nothing has: the lowest.
  static var lowest: Self { get }
  /// 0.
  static var zero: Self { get }
  /// A count, as an element.
  init(count: Int)
  /// This element, to be added up.
  var term: Sum { get }
  /// A sum as an element: integers keep the low bits, floating-point numbers are rounded.
  init(sum: Sum)
}

extension ArithmeticElement where Self: FixedWidthInteger {
  @inline(__always) static func sum(_ a: Self, _ b: Self) -> Self { a &+ b }
  @inline(__always) static func difference(_ a: Self, _ b: Self) -> Self { a &- b }
  @inline(__always) static func product(_ a: Self, _ b: Self) -> Self { a &* b }
  @inline(__always) static func quotient(_ a: Self, _ b: Self) -> Self {
    b == 0 ? 0 : a.dividedReportingOverflow(by: b).partialValue
  }
  @inline(__always) static func minimumOrNaN(_ a: Self, _ b: Self) -> Self { a < b ? a : b }
  @inline(__always) static func maximumOrNaN(_ a: Self, _ b: Self) -> Self { a > b ? a : b }
  @inline(__always) static func magnitude(_ a: Self) -> Self { a < 0 ? 0 &- a : a }
  static var lowest: Self { .min }
  init(count: Int) { self.init(truncatingIfNeeded: count) }
}

extension ArithmeticElement where Self: FixedWidthInteger, Sum: FixedWidthInteger {
  @inline(__always) var term: Sum { Sum(truncatingIfNeeded: self) }
  @inline(__always) init(sum: Sum) { self.init(truncatingIfNeeded: sum) }
}

extension ArithmeticElement where Self: BinaryFloatingPoint {
  @inline(__always) static func sum(_ a: Self, _ b: Self) -> Self { a + b }
  @inline(__always) static func difference(_ a: Self, _ b: Self) -> Self { a - b }
  @inline(__always) static func product(_ a: Self, _ b: Self) -> Self { a * b }
  @inline(__always) static func quotient(_ a: Self, _ b: Self) -> Self { a / b }
  @inline(__always) static func minimumOrNaN(_ a: Self, _ b: Self) -> Self { a < b || a != a ? a : b }
  @inline(__always) static func maximumOrNaN(_ a: Self, _ b: Self) -> Self { a > b || a != a ? a : b }
  @inline(__always) static func magnitude(_ a: Self) -> Self { a.magnitude }
  static var lowest: Self { -.infinity }
  init(count: Int) { self.init(count) }
}

extension Float: ArithmeticElement {
  @inline(__always) var term: Double { Double(self) }
  @inline(__always) init(sum: Double) { self.init(sum) }
}
extension Double: ArithmeticElement {
  @inline(__always) var term: Double { self }
  @inline(__always) init(sum: Double) { self = sum }
}
extension Int8: ArithmeticElement { typealias Sum = Int64 }
extension Int16: ArithmeticElement { typealias Sum = Int64 }
extension Int32: ArithmeticElement { typealias Sum = Int64 }
extension Int64: ArithmeticElement { typealias Sum = Int64 }
extension UInt8: ArithmeticElement { typealias Sum = UInt64 }
extension UInt16: ArithmeticElement { typealias Sum = UInt64 }
extension UInt32: ArithmeticElement { typealias Sum = UInt64 }
extension UInt64: ArithmeticElement { typealias Sum = UInt64 }

/// Work that is compiled once for each type of element.
///
/// A generic closure, which Swift does not have: `visit` is the closure, the properties of the conforming type are
/// what it captures.
protocol ArithmeticVisitor {
  associatedtype Result
  func visit<Element: ArithmeticElement>(_ type: Element.Type) throws(OperatorError) -> Result
}

extension ElementType {
  /// Calls `visitor` with the Swift type that this stands for; throws for bool and the 16-bit floating-point types.
  func visit<Visitor: ArithmeticVisitor>(_ visitor: Visitor) throws(OperatorError) -> Visitor.Result {
    switch self {
    case .float32: try visitor.visit(Float.self)
    case .float64: try visitor.visit(Double.self)
    case .int8: try visitor.visit(Int8.self)
    case .int16: try visitor.visit(Int16.self)
    case .int32: try visitor.visit(Int32.self)
    case .int64: try visitor.visit(Int64.self)
    case .uint8: try visitor.visit(UInt8.self)
    case .uint16: try visitor.visit(UInt16.self)
    case .uint32: try visitor.visit(UInt32.self)
    case .uint64: try visitor.visit(UInt64.self)
    case .bool, .float16, .bfloat16: throw .unsupported("arithmetic on \(self)")
    }
  }

  /// Whether this is a floating-point type of any width.
  var isFloatingPoint: Bool {
    switch self {
    case .float16, .bfloat16, .float32, .float64: true
    default: false
    }
  }

  /// Whether this is an integer type without a sign.
  var isUnsigned: Bool {
    switch self {
    case .uint8, .uint16, .uint32, .uint64: true
    default: false
    }
  }
}
