import Graphs
import Testing

@testable import Calibration

@Suite("Operators element by element")
struct ElementsTests {
  @Test(
    "an addition broadcasts as the index formula says, for every pairing of shapes",
    arguments: [
      ([2, 3, 4, 5], [2, 3, 4, 5]), ([2, 3, 4, 5], []), ([], [3, 4]), ([2, 3, 4, 5], [1, 3, 1, 1]),
      ([2, 3, 4, 5], [3, 1, 1]), ([2, 3, 4, 5], [5]), ([2, 3, 4, 5], [4, 1]), ([3, 1, 5], [1, 4, 1]),
      ([1, 3, 1, 5], [2, 1, 4, 1]), ([2, 1, 4, 5], [1, 3, 4, 1]), ([0, 3], [1, 3]), ([1], [2, 0]), ([1, 1], [1]),
      ([2, 3, 1, 1], [1, 1, 4, 5]), ([7], [2, 3, 7]),
    ])
  func broadcasting(_ a: [Int], _ b: [Int]) throws {
    let (x, y) = (counting(a), Tensor(counting(b).array(of: Float.self).map { $0 * 1000 }, shape: b))
    let result = try runOperator(.add, [x, y])[0]
    let rank = max(a.count, b.count)
    let padded = [a, b].map { [Int](repeating: 1, count: rank - $0.count) + $0 }
    #expect(result.shape == (0..<rank).map { padded[0][$0] == 1 ? padded[1][$0] : padded[0][$0] })
    let expected = (0..<result.count).map { flat in
      var (rest, offsets, strides) = (flat, [0, 0], [1, 1])
      for axis in (0..<rank).reversed() {
        let index = rest % result.shape[axis]
        rest /= result.shape[axis]
        for operand in 0..<2 where padded[operand][axis] != 1 {
          offsets[operand] += index * strides[operand]
          strides[operand] *= padded[operand][axis]
        }
      }
      return Float(offsets[0] + 1000 * offsets[1])
    }
    #expect(result.array(of: Float.self) == expected)
  }

  @Test("shapes that do not broadcast are refused with both shapes")
  func incompatibleShapes() {
    #expect(throws: OperatorError.invalid("the shapes [2, 3] and [2] do not broadcast")) {
      try runOperator(.mul, [counting([2, 3]), counting([2])])
    }
  }

  @Test("integer division truncates toward zero, and by zero gives zero")
  func integerDivision() throws {
    let a = Tensor([Int32](arrayLiteral: 7, -7, 7, -7, 5, .min), shape: [6])
    let b = Tensor([Int32](arrayLiteral: 2, 2, -2, -2, 0, -1), shape: [6])
    #expect(try values(.div, [a, b]) == [Int32](arrayLiteral: 3, -3, -3, 3, 0, .min))
  }

  @Test("powers of mixed types have the type of the base")
  func powers() throws {
    let base = Tensor([Int32](arrayLiteral: -2, 3, 2), shape: [3])
    #expect(try values(.pow, [base, list(3, 4, -1)]) == [Int32](arrayLiteral: -8, 81, 0))
    #expect(try values(.pow, [base, Tensor(scalar: Float(2))]) == [Int32](arrayLiteral: 4, 9, 4))
    #expect(try values(.pow, [counting([4]), list(2)]) == [Float](arrayLiteral: 0, 1, 4, 9))
    #expect(try values(.pow, [counting([4]), Tensor(scalar: Float(3))]) == [Float](arrayLiteral: 0, 1, 8, 27))
  }

  @Test("minimum and maximum of several inputs broadcast, and keep NaN from either side")
  func extremes() throws {
    let (a, b) = (Tensor([Float](arrayLiteral: 1, .nan, 3), shape: [3]), Tensor([Float(2), 2, .nan], shape: [3]))
    let greatest: [Float] = try values(.max, [a, b, Tensor(scalar: Float(0))])
    #expect(greatest[0] == 2 && greatest[1].isNaN && greatest[2].isNaN)
    let least: [Float] = try values(.min, [b, a, Tensor(scalar: Float(1.5))])
    #expect(least[0] == 1 && least[1].isNaN && least[2].isNaN)
  }

  @Test("comparisons give bools, and equality works on bools")
  func comparisons() throws {
    #expect(try values(.less, [list(1, 2, 3), list(2)]) == [true, false, false])
    #expect(try values(.greater, [list(1, 2, 3), list(2)]) == [false, false, true])
    let bools = Tensor([true, false], shape: [2])
    #expect(try values(.equal, [bools, Tensor(scalar: true)]) == [true, false])
  }

  @Test("a choice broadcasts all three inputs, for elements of any width")
  func choice() throws {
    let condition = Tensor([true, false], shape: [2, 1])
    #expect(try values(.where, [condition, list(1, 2, 3), list(9)]) == [Int64](arrayLiteral: 1, 2, 3, 9, 9, 9))
    let bytes = (Tensor([UInt8(1)], shape: [1]), Tensor([UInt8(5), 6], shape: [2]))
    #expect(try values(.where, [condition, bytes.0, bytes.1]) == [UInt8](arrayLiteral: 1, 1, 5, 6))
  }

  @Test("arithmetic on float16 is rounded once from float32")
  func halfArithmetic() throws {
    let a = Tensor([Float(1), 2048, 65504], shape: [3]).cast(to: .float16)
    let b = Tensor([Float(0.5), 1, 65504], shape: [3]).cast(to: .float16)
    let sum = try runOperator(.add, [a, b])[0]
    #expect(sum.elementType == .float16)
    // 2049 lies halfway between 2048 and 2050 and goes to the even fraction; the last sum is beyond the range.
    #expect(sum.cast(to: .float32).array(of: Float.self) == [1.5, 2048, .infinity])
  }

  @Test("signs, magnitudes, reciprocals and floors")
  func unary() throws {
    let x = Tensor([Float](arrayLiteral: -1.5, 0, 2.5), shape: [3])
    #expect(try values(.neg, [x]) == [Float](arrayLiteral: 1.5, 0, -2.5))
    #expect(try values(.neg, [x], as: Float.self)[1].sign == .minus, "the sign of zero changes too")
    #expect(try values(.abs, [x]) == [Float](arrayLiteral: 1.5, 0, 2.5))
    #expect(try values(.floor, [x]) == [Float](arrayLiteral: -2, 0, 2))
    #expect(try values(.reciprocal, [x]) == [Float](arrayLiteral: 1 / -1.5, .infinity, 0.4))
    #expect(throws: OperatorError.self) { try runOperator(.neg, [Tensor([UInt8(1)], shape: [1])]) }
  }

  @Test("clipping takes either bound, both or none; the upper bound wins")
  func clip() throws {
    let (x, one, three) = (counting([5]), Tensor(scalar: Float(1)), Tensor(scalar: Float(3)))
    #expect(try values(.clip, [x]) == [Float](arrayLiteral: 0, 1, 2, 3, 4))
    #expect(try values(.clip, [x, one]) == [Float](arrayLiteral: 1, 1, 2, 3, 4))
    #expect(try values(.clip, [x, nil, three]) == [Float](arrayLiteral: 0, 1, 2, 3, 3))
    #expect(try values(.clip, [x, one, three]) == [Float](arrayLiteral: 1, 1, 2, 3, 3))
    #expect(try values(.clip, [x, three, one]) == [Float](arrayLiteral: 1, 1, 1, 1, 1))
  }

  @Test("dropout passes its input on, with a mask of true, and refuses to train")
  func dropout() throws {
    let results = try runOperator(.dropout, [counting([3])], outputs: 2)
    #expect(results[0].array(of: Float.self) == [0, 1, 2])
    #expect(results[1].array(of: Bool.self) == [true, true, true])
    #expect(throws: OperatorError.self) {
      try runOperator(.dropout, [counting([3]), Tensor(scalar: Float(0.5)), Tensor(scalar: true)])
    }
  }
}
