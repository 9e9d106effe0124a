import Graphs
import LinearAlgebra

/// How up to three tensors of different shapes are walked together, by numpy's rule of broadcasting.
///
/// Shapes are aligned at their last dimension; a dimension of 1 (or a missing one) is repeated. Dimensions that
/// all operands walk in step are merged, so that the innermost loop, a *run*, is as long as possible: over a whole
/// tensor for equal shapes or a scalar operand, over H * W for [N, C, H, W] with [C, 1, 1].
struct BroadcastPlan: Sendable {
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
    forEachRun(0..<shape.reduce(1, *) / max(runLength, 1), body)
  }

  /// The same for the runs `runs`, counted in the order of the result.
  @inline(__always)
  private func forEachRun(_ runs: Range<Int>, _ body: (_ result: Int, _ operands: SIMD4<Int>) -> Void) {
    if runs.isEmpty || runLength == 0 { return }
    var indices = [Int](repeating: 0, count: loops.count)
    var offsets = SIMD4<Int>.zero
    var first = runs.lowerBound
    for level in loops.indices.reversed() {
      (first, indices[level]) = first.quotientAndRemainder(dividingBy: loops[level].count)
      offsets &+= loops[level].steps &* SIMD4(repeating: indices[level])
    }
    for run in runs {
      body(run * runLength, offsets)
      if run + 1 == runs.upperBound { return }
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

  /// `operation` on every pair of elements of two operands, in pieces of some runs or of parts of long ones.
  func combine<Operation: BinaryOperation>(
    _ a: Tensor, _ b: Tensor, _ operation: Operation, _ workers: Workers = .alone
  ) -> Tensor {
    Tensor(shape: shape, of: Operation.Result.self) { result in
      a.withElements(as: Operation.Operand.self) { a in
        b.withElements(as: Operation.Operand.self) { b in
          guard let out = result.baseAddress, let a = a.baseAddress, let b = b.baseAddress, !result.isEmpty else {
            return
          }
          nonisolated(unsafe) let (left, right, target) = (a, b, out)
          let runs = result.count / runLength
          let parts = (runLength + Pieces.elements - 1) / Pieces.elements
          workers.forEachRange(runs * parts, size: max(1, Pieces.elements / runLength)) { pieces in
            // A piece has several runs, or a part of one.
            let part = pieces.lowerBound % parts
            let within = part * Pieces.elements..<min((part + 1) * Pieces.elements, runLength)
            let own = parts == 1 ? pieces : pieces.lowerBound / parts..<pieces.lowerBound / parts + 1
            forEachRun(own) { start, offsets in
              let out = target + start + within.lowerBound
              let a = left + offsets[0] + runSteps[0] * within.lowerBound
              let b = right + offsets[1] + runSteps[1] * within.lowerBound
              Self.combine(within.count, a, runSteps[0], b, runSteps[1], operation, into: out)
            }
          }
        }
      }
    }
  }

  /// `operation` on a run of `count` pairs, of operands that are walked (1) or repeated (0).
  @inline(__always)
  private static func combine<Operation: BinaryOperation>(
    _ count: Int, _ a: UnsafePointer<Operation.Operand>, _ aStep: Int, _ b: UnsafePointer<Operation.Operand>,
    _ bStep: Int, _ operation: Operation, into out: UnsafeMutablePointer<Operation.Result>
  ) {
    switch (aStep, bStep) {
    case (0, 0): out.update(repeating: operation.apply(a[0], b[0]), count: count)
    case (0, _):
      let first = a[0]
      for i in 0..<count { out[i] = operation.apply(first, b[i]) }
    case (_, 0):
      let second = b[0]
      for i in 0..<count { out[i] = operation.apply(a[i], second) }
    default: for i in 0..<count { out[i] = operation.apply(a[i], b[i]) }
    }
  }
}
