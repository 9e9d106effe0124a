import Graphs
import Testing

@testable import Calibration

@Suite("Shapes and data movement")
struct DataTests {
  @Test("a shape may hold one -1 and keep dimensions by 0")
  func reshape() throws {
    let x = counting([2, 3, 4])
    #expect(try runOperator(.reshape, [x, list(0, -1)])[0].shape == [2, 12])
    #expect(try runOperator(.reshape, [x, list(4, 0, -1)])[0].shape == [4, 3, 2])
    #expect(try runOperator(.reshape, [counting([0, 3]), list(3, 0)], ["allowzero": .int(1)])[0].shape == [3, 0])
    #expect(throws: OperatorError.self) { try runOperator(.reshape, [x, list(5, -1)]) }
    #expect(throws: OperatorError.self) { try runOperator(.reshape, [x, list(-1, -1)]) }
    #expect(throws: OperatorError.self) { try runOperator(.reshape, [x, list(1 << 40, 1 << 40)]) }
  }

  @Test("a shape that is not known beforehand is named")
  func unknownShape() throws {
    let node = Node(name: "reshape", kind: .reshape, inputs: [0, 1], outputs: [2])
    let kernel = try OperatorLibrary.kernel(for: node)
    let facts = [InputFacts(elementType: .float32, shape: [4]), InputFacts(elementType: .int64, shape: [2])]
    let message = "input 1 (shape) decides the shape of the output, so its value must be known beforehand"
    #expect(throws: OperatorError.invalid(message)) { try kernel.infer(facts) }
  }

  @Test(
    "every permutation moves elements as the index formula says",
    arguments: [
      [0, 1, 2, 3], [3, 2, 1, 0], [0, 1, 3, 2], [0, 3, 1, 2], [2, 3, 0, 1], [1, 0, 3, 2], [0, 2, 1, 3],
    ],
    [[2, 3, 4, 5], [1, 3, 133, 18], [40, 1, 2, 17]])
  func transpose(_ order: [Int], _ shape: [Int]) throws {
    let result = try runOperator(.transpose, [counting(shape)], ["perm": .ints(order)])[0]
    #expect(result.shape == order.map { shape[$0] })
    let steps = StridedCopy.contiguousSteps(of: shape)
    let expected = (0..<result.count).map { flat in
      var (rest, offset) = (flat, 0)
      for axis in (0..<4).reversed() {
        offset += rest % result.shape[axis] * steps[order[axis]]
        rest /= result.shape[axis]
      }
      return Float(offset)
    }
    #expect(result.array(of: Float.self) == expected)
  }

  @Test("elements of every width move alike", arguments: ElementType.allCases)
  func widths(_ type: ElementType) throws {
    let x = Tensor([Int64](arrayLiteral: 0, 1, 1, 0, 1, 0), shape: [2, 3]).cast(to: type)
    let moved = try runOperator(.transpose, [x])[0]
    #expect(moved.cast(to: .int64).array(of: Int64.self) == [0, 0, 1, 1, 1, 0])
  }

  @Test("what is cut apart goes together again", arguments: [0, 1, 2, -1])
  func splitAndConcat(_ axis: Int) throws {
    let x = counting([3, 3, 3])
    let pieces = try runOperator(.split, [x, list(1, 0, 2)], ["axis": .int(axis)], outputs: 3)
    #expect(pieces.map { $0.shape[axis < 0 ? axis + 3 : axis] } == [1, 0, 2])
    #expect(try values(.concat, pieces, ["axis": .int(axis)]) == x.array(of: Float.self))
  }

  @Test("without lengths the last piece is the shorter one")
  func unevenSplit() throws {
    let pieces = try runOperator(.split, [counting([7])], ["num_outputs": .int(3)], outputs: 3)
    #expect(pieces.map { $0.array(of: Float.self) } == [[0, 1, 2], [3, 4, 5], [6]])
    #expect(throws: OperatorError.self) { try runOperator(.split, [counting([7]), list(3, 3)], outputs: 2) }
  }

  @Test("slices count from behind, clamp, and step backwards")
  func slice() throws {
    let x = counting([10])
    func slice(_ start: Int64, _ end: Int64, _ step: Int64) throws -> [Float] {
      try values(.slice, [x, list(start), list(end), list(0), list(step)])
    }
    #expect(try slice(2, 5, 1) == [2, 3, 4])
    #expect(try slice(-3, .max, 1) == [7, 8, 9])
    #expect(try slice(-100, 100, 4) == [0, 4, 8])
    #expect(try slice(-1, .min, -3) == [9, 6, 3, 0])
    #expect(try slice(100, 5, -2) == [9, 7])
    #expect(try slice(5, 5, 1) == [])
    #expect(try slice(5, 2, 1) == [])
    #expect(try slice(20, 30, 1) == [])
    #expect(try slice(3, .max, .max) == [3])
    #expect(try slice(3, .min, .min) == [3])
    #expect(throws: OperatorError.invalid("a step of 0")) { try slice(0, 1, 0) }
  }

  @Test("slices of several axes, some reversed")
  func sliceOfMatrix() throws {
    let x = counting([3, 4])
    let result = try runOperator(.slice, [x, list(-1, 1), list(.min, 3), list(0, -1), list(-2, 1)])[0]
    #expect(result.shape == [2, 2])
    #expect(result.array(of: Float.self) == [9, 10, 1, 2])
    #expect(try values(.slice, [x, list(1), list(2)]) == [Float](arrayLiteral: 4, 5, 6, 7))
  }

  @Test("dimensions of one come and go")
  func squeezeAndUnsqueeze() throws {
    let x = counting([1, 3, 1])
    #expect(try runOperator(.squeeze, [x])[0].shape == [3])
    #expect(try runOperator(.squeeze, [x, list(-1)])[0].shape == [1, 3])
    #expect(try runOperator(.unsqueeze, [counting([3]), list(2, 0)])[0].shape == [1, 3, 1])
    #expect(try runOperator(.unsqueeze, [counting([3]), list(-1, -3)])[0].shape == [1, 3, 1])
    #expect(throws: OperatorError.self) { try runOperator(.squeeze, [x, list(1)]) }
    #expect(throws: OperatorError.self) { try runOperator(.unsqueeze, [x, list(0, 0)]) }
  }

  @Test("flattening splits the dimensions in two")
  func flatten() throws {
    for (axis, shape) in [(0, [1, 24]), (1, [2, 12]), (3, [24, 1]), (-1, [6, 4])] {
      #expect(try runOperator(.flatten, [counting([2, 3, 4])], ["axis": .int(axis)])[0].shape == shape)
    }
  }

  @Test("gathering takes negative indices and refuses others out of range")
  func gather() throws {
    let x = counting([2, 3])
    #expect(try values(.gather, [x, list(-1, 0)]) == [Float](arrayLiteral: 3, 4, 5, 0, 1, 2))
    let picked = try runOperator(.gather, [x, Tensor([Int32(2), -3], shape: [1, 2])], ["axis": .int(1)])[0]
    #expect(picked.shape == [2, 1, 2])
    #expect(picked.array(of: Float.self) == [2, 0, 5, 3])
    #expect(try runOperator(.gather, [x, Tensor(scalar: Int64(1))])[0].shape == [3])
    #expect(throws: OperatorError.self) { try runOperator(.gather, [x, list(2)]) }
  }

  @Test("a shape can be taken in part")
  func shape() throws {
    let x = counting([2, 3, 4])
    #expect(try values(.shape, [x]) == [Int64](arrayLiteral: 2, 3, 4))
    #expect(try values(.shape, [x], ["start": .int(-2), "end": .int(9)]) == [Int64](arrayLiteral: 3, 4))
    #expect(try values(.shape, [x], ["start": .int(2), "end": .int(1)]) == [Int64]())
  }

  @Test("padding by each mode, with pads longer than the input and negative ones")
  func pad() throws {
    let x = counting([3])
    func pad(_ mode: String, _ before: Int64, _ after: Int64) throws -> [Float] {
      try values(.pad, [x, list(before, after), Tensor(scalar: Float(9))], ["mode": .string(mode)])
    }
    #expect(try pad("constant", 2, 1) == [9, 9, 0, 1, 2, 9])
    #expect(try pad("constant", -1, 1) == [1, 2, 9])
    #expect(try pad("edge", 2, 1) == [0, 0, 0, 1, 2, 2])
    #expect(try pad("reflect", 2, 3) == [2, 1, 0, 1, 2, 1, 0, 1])
    #expect(try pad("wrap", 2, 4) == [1, 2, 0, 1, 2, 0, 1, 2, 0])
    #expect(throws: OperatorError.self) { try pad("constant", -2, -2) }
    #expect(throws: OperatorError.self) { try pad("constant", .max, 1) }
  }

  @Test("padding of named axes leaves the others alone")
  func padAxes() throws {
    let result = try runOperator(.pad, [counting([2, 6]), list(1, 0), nil, list(-2)])[0]
    #expect(result.shape == [3, 6])
    #expect(result.array(of: Float.self) == [0, 0, 0, 0, 0, 0] + (0..<12).map { Float($0) })
  }

  @Test("expansion repeats dimensions of one, and keeps longer ones of the input")
  func expand() throws {
    let x = counting([3, 1])
    #expect(try values(.expand, [x, list(2, 1, 2)]) == [Float](arrayLiteral: 0, 0, 1, 1, 2, 2, 0, 0, 1, 1, 2, 2))
    #expect(try runOperator(.expand, [x, list(1, 4)])[0].shape == [3, 4])
    #expect(try runOperator(.expand, [x, list(0, 1, 1)])[0].shape == [0, 3, 1])
    #expect(throws: OperatorError.self) { try runOperator(.expand, [x, list(2, 1)]) }
  }

  @Test("constants, filled tensors and ranges")
  func generators() throws {
    #expect(try values(.constant, [], ["value_ints": .ints([1, 2])]) == [Int64](arrayLiteral: 1, 2))
    #expect(try values(.constantOfShape, [list(2, 1)]) == [Float](arrayLiteral: 0, 0))
    let seven = Tensor([Int32(7)], shape: [1])
    #expect(try values(.constantOfShape, [list(3)], ["value": .tensor(seven)]) == [Int32](arrayLiteral: 7, 7, 7))
    func range(_ start: Int64, _ limit: Int64, _ delta: Int64) throws -> [Int64] {
      try values(.range, [start, limit, delta].map { Tensor(scalar: $0) })
    }
    #expect(try range(1, 8, 3) == [1, 4, 7])
    #expect(try range(5, 0, -2) == [5, 3, 1])
    #expect(try range(5, 0, 2) == [])
    #expect(throws: OperatorError.self) { try range(0, 1, 0) }
  }
}
