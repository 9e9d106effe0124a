import Graphs
import Testing

@testable import Calibration

@Suite("Matrix products")
struct ComputeProductTests {
  @Test(
    "Gemm transposes, scales and broadcasts C",
    arguments: [(false, false), (true, false), (false, true), (true, true)], [nil, [5], [4, 1], [1, 5], [4, 5], []])
  func gemm(_ transposed: (Bool, Bool), _ cShape: [Int]?) throws {
    let (rows, columns, depth) = (4, 5, 7)
    let (a, b) = (ComputeReference.values(rows * depth, seed: 1), ComputeReference.values(depth * columns, seed: 2))
    func stored(_ values: [Float], _ height: Int, _ width: Int, _ transposed: Bool) -> Tensor {
      guard transposed else { return Tensor(values, shape: [height, width]) }
      return Tensor((0..<height * width).map { values[$0 % height * width + $0 / height] }, shape: [width, height])
    }
    let c = cShape.map { ComputeReference.tensor($0, seed: 3) }
    let y = try ComputeReference.run(
      .gemm, [stored(a, rows, depth, transposed.0), stored(b, depth, columns, transposed.1), c],
      [
        "transA": .int(transposed.0 ? 1 : 0), "transB": .int(transposed.1 ? 1 : 0), "alpha": .float(0.5),
        "beta": .float(2),
      ])
    var expected = ComputeReference.product(a, b, rows: rows, columns: columns, depth: depth).map { $0 / 2 }
    if let c, let cShape {
      let values = c.array(of: Float.self)
      for index in expected.indices {
        let height = cShape.count == 2 ? cShape[0] : 1
        let width = cShape.last ?? 1
        expected[index] +=
          2 * Double(values[(height == 1 ? 0 : index / columns) * width + (width == 1 ? 0 : index % columns)])
      }
    }
    #expect(y[0].shape == [rows, columns])
    #expect(ComputeReference.difference(y[0].array(), expected) <= 81 * 0x1p-24)
  }

  @Test(
    "MatMul broadcasts stacks and takes vectors, as numpy does",
    arguments: [
      ([3, 4], [4, 5], [3, 5]), ([4], [4, 5], [5]), ([3, 4], [4], [3]), ([4], [4], []),
      ([2, 3, 4], [4, 5], [2, 3, 5]), ([2, 3, 4], [2, 4, 5], [2, 3, 5]), ([3, 4], [2, 4, 5], [2, 3, 5]),
      ([2, 1, 3, 4], [3, 4, 5], [2, 3, 3, 5]), ([2, 3, 4], [1, 4, 5], [2, 3, 5]), ([2, 3, 4], [4], [2, 3]),
      ([4], [2, 4, 5], [2, 5]), ([0, 4], [4, 2], [0, 2]), ([2, 0], [0, 3], [2, 3]),
    ])
  func matMul(_ left: [Int], _ right: [Int], _ output: [Int]) throws {
    let (a, b) = (ComputeReference.tensor(left, seed: 4), ComputeReference.tensor(right, seed: 5))
    let y = try ComputeReference.run(.matMul, [a, b])[0]
    #expect(y.shape == output)
    // Every matrix of the result by definition, its operands found by counting from behind.
    let (l, r) = (left.count == 1 ? [1] + left : left, right.count == 1 ? right + [1] : right)
    let (rows, depth, columns) = (l[l.count - 2], l[l.count - 1], r[r.count - 1])
    let stack = rows * columns == 0 ? 0 : output.reduce(1, *) / (rows * columns)
    let full = Array(output.prefix(max(l.count, r.count) - 2))
    var expected: [Double] = []
    for matrix in 0..<stack {
      func offset(_ shape: [Int]) -> Int {
        var (rest, step, index) = (matrix, 1, 0)
        for (axis, size) in full.enumerated().reversed() {
          let position = axis - (full.count - (shape.count - 2))
          if position >= 0 {
            index += (shape[position] == 1 ? 0 : rest % size) * step
            step *= shape[position]
          }
          rest /= size
        }
        return index
      }
      let (x, w) = (a.array(of: Float.self), b.array(of: Float.self))
      let (p, q) = (offset(l) * rows * depth, offset(r) * depth * columns)
      expected += ComputeReference.product(
        Array(x[p..<p + rows * depth]), Array(w[q..<q + depth * columns]), rows: rows, columns: columns, depth: depth)
    }
    #expect(ComputeReference.difference(y.array(), expected) <= 16 * 0x1p-24)
  }

  @Test("products that do not fit are refused with both shapes")
  func refused() throws {
    #expect(throws: OperatorError.invalid("[3, 4] x [5, 6]: inner sizes differ")) {
      try ComputeReference.run(
        .matMul, [ComputeReference.tensor([3, 4], seed: 1), ComputeReference.tensor([5, 6], seed: 1)])
    }
    #expect(throws: OperatorError.invalid("[2, 3, 4] x [3, 4, 5]: the stacks do not broadcast")) {
      try ComputeReference.run(
        .matMul, [ComputeReference.tensor([2, 3, 4], seed: 1), ComputeReference.tensor([3, 4, 5], seed: 1)])
    }
  }
}
