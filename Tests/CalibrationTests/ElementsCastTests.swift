import Graphs
import Testing

@testable import Calibration

@Suite("Cast")
struct ElementsCastTests {
  private func cast<Element: TensorElement>(_ tensor: Tensor, _ code: Int, as: Element.Type = Element.self) throws
    -> [Element]
  {
    try values(.cast, [tensor], ["to": .int(code)])
  }

  @Test("floating-point numbers truncate toward zero and saturate; NaN becomes 0")
  func saturation() throws {
    let x = Tensor([Float](arrayLiteral: 1.9, -1.9, 300, -300, .infinity, -.infinity, .nan, 1e20), shape: [8])
    #expect(try cast(x, 3) == [Int8](arrayLiteral: 1, -1, 127, -128, 127, -128, 0, 127))
    #expect(try cast(x, 2) == [UInt8](arrayLiteral: 1, 0, 255, 0, 255, 0, 0, 255))
    #expect(try cast(x, 6) == [Int32](arrayLiteral: 1, -1, 300, -300, .max, .min, 0, .max))
    #expect(try cast(x, 7) == [Int64](arrayLiteral: 1, -1, 300, -300, .max, .min, 0, .max))
    #expect(try cast(x, 13) == [UInt64](arrayLiteral: 1, 0, 300, 0, .max, 0, 0, .max))
  }

  @Test("integers keep their low bits; anything but zero is true")
  func integers() throws {
    let x = list(255, 256, -1, 0)
    #expect(try cast(x, 3) == [Int8](arrayLiteral: -1, 0, -1, 0))
    #expect(try cast(x, 12) == [UInt32](arrayLiteral: 255, 256, .max, 0))
    #expect(try cast(x, 9) == [true, true, true, false])
    let tiny = Tensor([Float](arrayLiteral: 0.25, -0.0, .nan), shape: [3])
    #expect(try cast(tiny, 9) == [true, false, true])
    #expect(try cast(Tensor([true, false], shape: [2]), 1) == [Float](arrayLiteral: 1, 0))
  }

  @Test("a large integer is rounded once to float32")
  func largeIntegers() throws {
    // 2^60 + 2^36 + 1 lies just above the middle of two floats, but by way of a double it would lie on it.
    #expect(try cast(list((1 << 60) + (1 << 36) + 1), 1) == [Float((1 << 60) + (1 << 37))])
  }

  @Test("float16 rounds to the nearest, ties to even, with subnormal numbers and infinity")
  func half() throws {
    let x = Tensor([Double](arrayLiteral: 2049, 2051, 65519, 65520, 0x1p-24, 0x1p-25, -0.0), shape: [7])
    let result = try runOperator(.cast, [x], ["to": .int(10)])[0]
    #expect(
      result.cast(to: .float64).array(of: Double.self) == [2048, 2052, 65504, .infinity, 0x1p-24, 0, 0])
  }

  @Test("bfloat16 rounds to the nearest, ties to even, and keeps NaN")
  func bfloat16() throws {
    let x = Tensor([Float](arrayLiteral: 257, 259, 1.5, .greatestFiniteMagnitude, .nan), shape: [5])
    let result = try runOperator(.cast, [x], ["to": .int(16)])[0]
    let back = result.cast(to: .float32).array(of: Float.self)
    #expect(Array(back[..<4]) == [256, 260, 1.5, .infinity])
    #expect(back[4].isNaN)
  }

  @Test("every pair of types keeps small whole numbers", arguments: ElementType.allCases)
  func pairs(_ source: ElementType) throws {
    let x = Tensor([Int64](arrayLiteral: 0, 1), shape: [2]).cast(to: source)
    for target in ElementType.allCases {
      #expect(x.cast(to: target).cast(to: .int64).array(of: Int64.self) == [0, 1], "\(source) to \(target)")
    }
  }

  @Test("an unknown target is refused by its number")
  func unknownTarget() {
    #expect(throws: OperatorError.unsupported("a cast to data type 8")) {
      try runOperator(.cast, [counting([1])], ["to": .int(8)])
    }
  }
}
