import Graphs

/// How up to three tensors of different shapes are walked together, by numpy's rule of broadcasting.
///
/// Shapes are aligned at their last dimension; a dimension of 1 (or a missing one) is repeated. Dimensions that
/// all operands walk in step are merged, so that the innermost loop, a *run*, is as long as possible: over a whole
/// tensor for equal shapes or a scalar operand, over H * W for [N, C, H, W] with [C, 1, 1].
struct BroadcastPlan {
  /// The shape of the result.
  let shape: [Int]
  /// Elements of one run; the result is contiguous in it, each operand either contiguous or one repeated element.
  let runLength: Int
  /// For each operand, 1 if a run walks it and 0 if a run repeats one element of it.
  let runSteps: SIMD4<Int>
  /// The loops around a run, outermost first; steps are elements of each operand.
  private let loops: [(count: Int, steps: SIMD4<Int>)]

  /// Plans a walk over operands of these shapes (at most three); throws if they do not broadcast.
  init(_ shapes: [[Int]]) throws(OperatorError) {
    precondition((1...3).contains(shapes.count), "\(shapes.count) operands")
    let shape = try Self.shape(of: shapes)
    var dimensions: [(count: Int, steps: SIMD4<Int>)] = []
    var strides = SIMD4<Int>(repeating: 1)
    // Innermost first; a dimension that continues its inner neighbour in every operand is merged into it.
    for axis in shape.indices.reversed() {
      var steps = SIMD4<Int>.zero
      for (operand, own) in shapes.enumerated() {
        let index = axis - (shape.count - own.count)
        guard index >= 0, own[index] != 1 else { continue }
        steps[operand] = strides[operand]
        strides[operand] *= own[index]
      }
      guard shape[axis] != 1 else { continue }
      if let inner = dimensions.last, steps == inner.steps &* SIMD4(repeating: inner.count) {
        dimensions[dimensions.count - 1].count *= shape[axis]
      } else {
        dimensions.append((shape[axis], steps))
      }
    }
    self.shape = shape
    // A run may only walk with steps 0 and 1, which the innermost dimension of contiguous operands always has.
    runLength = dimensions.first?.count ?? 1
    runSteps = dimensions.first?.steps ?? .zero
    loops = dimensions.dropFirst().reversed()
  }

  /// The shape that these broadcast to.
  static func shape(of shapes: [[Int]]) throws(OperatorError) -> [Int] {
    var result = shapes[0]
    for other in shapes.dropFirst() {
      let rank = Swift.max(result.count, other.count)
      var merged = [Int](repeating: 1, count: rank)
      for axis in 0..<rank {
        let (i, j) = (axis - (rank - result.count), axis - (rank - other.count))
        let (a, b) = (i < 0 ? 1 : result[i], j < 0 ? 1 : other[j])
        guard a == b || a == 1 || b == 1 else {
          throw .invalid("the shapes \(shapes.map(\.description).joined(separator: " and ")) do not broadcast")
        }
        merged[axis] = a == 1 ? b : a
      }
      result = merged
    }
    return try checkedShape(result)
  }

  /// Calls `body` for every run with the offset of its first element in the result and in each operand.
  @inline(__always)
  func forEachRun(_ body: (_ result: Int, _ operands: SIMD4<Int>) -> Void) {
    let total = shape.reduce(1, *)
    if total == 0 { return }
    var indices = [Int](repeating: 0, count: loops.count)
    var offsets = SIMD4<Int>.zero
    var result = 0
    while true {
      body(result, offsets)
      result += runLength
      if result >= total { return }
      var level = loops.count - 1
      while true {
        indices[level] += 1
        offsets &+= loops[level].steps
        if indices[level] < loops[level].count { break }
        offsets &-= loops[level].steps &* SIMD4(repeating: loops[level].count)
        indices[level] = 0
        level -= 1
      }
    }
  }

  /// `operation` on every pair of elements of two operands.
  func combine<Operation: BinaryOperation>(_ a: Tensor, _ b: Tensor, _ operation: Operation) -> Tensor {
    Tensor(shape: shape, of: Operation.Result.self) { result in
      a.withElements(as: Operation.Operand.self) { a in
        b.withElements(as: Operation.Operand.self) { b in
          guard let out = result.baseAddress, let a = a.baseAddress, let b = b.baseAddress else { return }
          forEachRun { start, offsets in
            let (out, a, b) = (out + start, a + offsets[0], b + offsets[1])
            switch (runSteps[0], runSteps[1]) {
            case (0, 0): out.update(repeating: operation.apply(a[0], b[0]), count: runLength)
            case (0, _):
              let first = a[0]
              for i in 0..<runLength { out[i] = operation.apply(first, b[i]) }
            case (_, 0):
              let second = b[0]
              for i in 0..<runLength { out[i] = operation.apply(a[i], second) }
            default: for i in 0..<runLength { out[i] = operation.apply(a[i], b[i]) }
            }
          }
        }
      }
    }
  }
}
