import Graphs
import Testing

@testable import Calibration

@Suite("Reductions and dequantization")
struct ElementsReductionTests {
  @Test(
    "a sum over any axes equals the sum by index",
    arguments: [[0], [1], [2], [3], [0, 1], [1, 3], [0, 2], [2, 3], [-1, 0, 1, 2]])
  func sums(_ axes: [Int]) throws {
    let shape = [2, 3, 4, 19]  // the last longer than a block of partial sums, and no multiple of it
    let input = counting(shape)
    let reduced = Set(axes.map { $0 < 0 ? $0 + 4 : $0 })
    var expected: [[Int]: Float] = [:]
    for (flat, element) in input.array(of: Float.self).enumerated() {
      var (rest, key) = (flat, [0, 0, 0, 0])
      for axis in (0..<4).reversed() {
        key[axis] = reduced.contains(axis) ? 0 : rest % shape[axis]
        rest /= shape[axis]
      }
      expected[key, default: 0] += element
    }
    let ordered = expected.sorted { $0.key.lexicographicallyPrecedes($1.key) }.map(\.value)
    let list = Tensor(axes.map { Int64($0) }, shape: [axes.count])
    // All sums are whole numbers below 2^24, so they are exact in any order.
    #expect(try values(.reduceSum, [input, list]) == ordered)
    let dropped = try runOperator(.reduceSum, [input, list], ["keepdims": .int(0)])[0]
    #expect(dropped.shape == (0..<4).filter { !reduced.contains($0) }.map { shape[$0] })
    #expect(dropped.array(of: Float.self) == ordered)
  }

  @Test("without axes everything is reduced, or nothing if the node says so")
  func noAxes() throws {
    #expect(try values(.reduceMean, [counting([2, 2])]) == [Float(1.5)])
    let untouched = try runOperator(.reduceSum, [counting([2, 2]), list()], ["noop_with_empty_axes": .int(1)])[0]
    #expect(untouched.shape == [2, 2])
  }

  @Test("float32 is summed in float64")
  func precision() throws {
    // In float32 the ones would be lost beside 2^24.
    let x = Tensor([Float](arrayLiteral: 0x1p24, 1, 1, 1, 1, -0x1p24), shape: [6])
    #expect(try values(.reduceSum, [x]) == [Float(4)])
  }

  @Test("the sum of nothing is 0, its maximum the lowest value")
  func emptySet() throws {
    let empty = Tensor([Float](), shape: [2, 0])
    #expect(try values(.reduceSum, [empty, list(1)]) == [Float](arrayLiteral: 0, 0))
    #expect(try values(.reduceMax, [empty, list(1)]) == [Float](arrayLiteral: -.infinity, -.infinity))
    #expect(try values(.reduceMean, [empty, list(1)], as: Float.self).allSatisfy(\.isNaN))
  }

  @Test("maxima work on integers and bools, along inner and outer axes")
  func maxima() throws {
    let x = Tensor([Int64](arrayLiteral: 3, -1, 2, 7), shape: [2, 2])
    #expect(try values(.reduceMax, [x, list(0)]) == [Int64](arrayLiteral: 3, 7))
    #expect(try values(.reduceMax, [x, list(1)]) == [Int64](arrayLiteral: 3, 7))
    let bools = Tensor([true, false, false, false], shape: [2, 2])
    #expect(try values(.reduceMax, [bools, list(1)]) == [true, false])
  }

  @Test("dequantization takes scales per tensor, per axis and per block")
  func dequantization() throws {
    let x = Tensor([Int8](arrayLiteral: -128, -1, 0, 1, 2, 127), shape: [2, 3])
    let two = Tensor(scalar: Float(2))
    #expect(try values(.dequantizeLinear, [x, two]) == [Float](arrayLiteral: -256, -2, 0, 2, 4, 254))
    #expect(
      try values(.dequantizeLinear, [x, two, Tensor(scalar: Int8(-128))])
        == [Float](arrayLiteral: 0, 254, 256, 258, 260, 510))
    let rows = (Tensor([Float(1), 10], shape: [2]), Tensor([Int8](arrayLiteral: 0, 1), shape: [2]))
    #expect(
      try values(.dequantizeLinear, [x, rows.0, rows.1], ["axis": .int(0)])
        == [Float](arrayLiteral: -128, -1, 0, 0, 10, 1260))
    let columns = Tensor([Float(1), 10, 100], shape: [3])
    #expect(
      try values(.dequantizeLinear, [x, columns], ["axis": .int(-1)])
        == [Float](arrayLiteral: -128, -10, 0, 1, 20, 12700))
    // Blocks of two along the last axis; the second block of a row is cut short.
    let blocks = Tensor([Float(1), 10, 100, 1000], shape: [2, 2])
    #expect(
      try values(.dequantizeLinear, [x, blocks], ["axis": .int(1), "block_size": .int(2)])
        == [Float](arrayLiteral: -128, -1, 0, 100, 200, 127000))
    let tall = Tensor([Float(1), 10, 100], shape: [1, 3])
    #expect(
      try values(.dequantizeLinear, [x, tall], ["axis": .int(0), "block_size": .int(2)])
        == [Float](arrayLiteral: -128, -10, 0, 1, 20, 12700))
    #expect(throws: OperatorError.self) { try runOperator(.dequantizeLinear, [x, columns], ["axis": .int(0)]) }
  }
}
