import Graphs
import LinearAlgebra

/// MatMul: the product of matrices, vectors, or broadcast stacks of matrices, as in numpy.
struct MatMulKernel: OperatorKernel {
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

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (a, b) = (inputs[0]!, inputs[1]!)
    var sizes = try sizes(a.shape, b.shape)
    // One matrix on the right: the stack on the left is one tall matrix.
    if sizes.bStack.allSatisfy({ $0 == 1 }) {
      sizes.rows *= sizes.aStack.reduce(1, *)
      (sizes.stack, sizes.aStack, sizes.bStack) = ([], [], [])
    }
    let output = Tensor(shape: sizes.output) { (y: UnsafeMutableBufferPointer<Float>) in
      if y.isEmpty { return }
      a.withElements { (a: UnsafeBufferPointer<Float>) in
        b.withElements { (b: UnsafeBufferPointer<Float>) in
          var position = [Int](repeating: 0, count: sizes.stack.count)
          for matrix in 0..<sizes.stack.reduce(1, *) {
            GEMM.multiply(
              rows: sizes.rows, columns: sizes.columns, depth: sizes.depth,
              a.baseAddress! + Self.index(position, in: sizes.aStack) * sizes.rows * sizes.depth,
              stride: max(sizes.depth, 1),
              b.baseAddress! + Self.index(position, in: sizes.bStack) * sizes.depth * sizes.columns,
              stride: sizes.columns,
              into: y.baseAddress! + matrix * sizes.rows * sizes.columns, stride: sizes.columns)
            var axis = position.count - 1
            while axis >= 0 {
              position[axis] += 1
              if position[axis] < sizes.stack[axis] { break }
              position[axis] = 0
              axis -= 1
            }
          }
        }
      }
    }
    return [output]
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
