import Graphs
import LinearAlgebra

/// MatMul: the product of matrices, vectors, or broadcast stacks of matrices, as in numpy.
struct MatMulKernel: PiecewiseKernel {
  init(_ node: Node) throws(OperatorError) {}

  /// The product's sizes: stacks of (rows x depth) times (depth x columns).
  private struct Sizes {
    var stack: [Int]
    var rows, columns, depth: Int
    var aStack, bStack: [Int]
    var output: [Int]
  }

  private func sizes(_ a: [Int], _ b: [Int]) throws(OperatorError) -> Sizes {
    guard !a.isEmpty, !b.isEmpty else { throw .invalid("a scalar in a matrix product: \(a) x \(b)") }
    // A vector is a row on the left and a column on the right; the added dimension is dropped again.
    let (left, right) = (a.count == 1 ? [1] + a : a, b.count == 1 ? b + [1] : b)
    guard left[left.count - 1] == right[right.count - 2] else { throw .invalid("\(a) x \(b): inner sizes differ") }
    let (aStack, bStack) = (Array(left.dropLast(2)), Array(right.dropLast(2)))
    let rank = max(aStack.count, bStack.count)
    var stack: [Int] = []
    for axis in 0..<rank {
      let x = axis < rank - aStack.count ? 1 : aStack[axis - rank + aStack.count]
      let y = axis < rank - bStack.count ? 1 : bStack[axis - rank + bStack.count]
      guard x == y || x == 1 || y == 1 else { throw .invalid("\(a) x \(b): the stacks do not broadcast") }
      stack.append(x == 1 ? y : x)
    }
    let (rows, columns) = (left[left.count - 2], right[right.count - 1])
    return Sizes(
      stack: stack, rows: rows, columns: columns, depth: left[left.count - 1], aStack: aStack, bStack: bStack,
      output: stack + (a.count == 1 ? [] : [rows]) + (b.count == 1 ? [] : [columns]))
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try ComputeChecks.float(inputs, 0, "A"), try ComputeChecks.float(inputs, 1, "B"))
    return [TensorType(.float32, try sizes(a.shape, b.shape).output)]
  }

  func pieceCount(_ inputs: [TensorType?]) -> Int {
    guard let a = inputs[0], let b = inputs[1], let sizes = try? sizes(a.shape, b.shape) else { return 1 }
    let isTall = sizes.bStack.allSatisfy { $0 == 1 }
    let rows = sizes.rows * (isTall ? sizes.aStack.reduce(1, *) : 1)
    let tiles = ProductTiles(rows: rows, columns: sizes.columns, depth: sizes.depth)
    return tiles.count * (isTall ? 1 : sizes.stack.reduce(1, *))
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let (a, b) = (inputs[0]!, inputs[1]!)
    var whole = try sizes(a.shape, b.shape)
    // One matrix on the right: the stack on the left is one tall matrix.
    if whole.bStack.allSatisfy({ $0 == 1 }) {
      whole.rows *= whole.aStack.reduce(1, *)
      (whole.stack, whole.aStack, whole.bStack) = ([], [], [])
    }
    let sizes = whole
    let tiles = ProductTiles(rows: sizes.rows, columns: sizes.columns, depth: sizes.depth)
    let output = Tensor(shape: sizes.output) { (y: UnsafeMutableBufferPointer<Float>) in
      if y.isEmpty { return }
      a.withElements { (a: UnsafeBufferPointer<Float>) in
        b.withElements { (b: UnsafeBufferPointer<Float>) in
          nonisolated(unsafe) let (a, b, y) = (a.baseAddress!, b.baseAddress!, y.baseAddress!)
          workers.forEach(sizes.stack.reduce(1, *) * tiles.count) { piece in
            let (matrix, tile) = piece.quotientAndRemainder(dividingBy: tiles.count)
            let (rows, columns) = tiles[tile]
            let position = Self.position(matrix, in: sizes.stack)
            let left = a + Self.index(position, in: sizes.aStack) * sizes.rows * sizes.depth
            let right = b + Self.index(position, in: sizes.bStack) * sizes.depth * sizes.columns
            GEMM.multiply(
              rows: rows.count, columns: columns.count, depth: sizes.depth,
              left + rows.lowerBound * sizes.depth, stride: max(sizes.depth, 1),
              right + columns.lowerBound, stride: sizes.columns,
              into: y + (matrix * sizes.rows + rows.lowerBound) * sizes.columns + columns.lowerBound,
              stride: sizes.columns)
          }
        }
      }
    }
    return [output]
  }

  /// The place of matrix `index` in a stack of shape `stack`.
  private static func position(_ index: Int, in stack: [Int]) -> [Int] {
    var (rest, position) = (index, stack)
    for axis in stack.indices.reversed() {
      (rest, position[axis]) = rest.quotientAndRemainder(dividingBy: stack[axis])
    }
    return position
  }

  /// Which matrix of a stack of shape `stack` is broadcast to `position`.
  private static func index(_ position: [Int], in stack: [Int]) -> Int {
    var index = 0
    for (axis, size) in stack.enumerated() {
      index = index * size + (size == 1 ? 0 : position[position.count - stack.count + axis])
    }
    return index
  }
}
