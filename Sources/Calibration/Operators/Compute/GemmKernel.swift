import Graphs
import LinearAlgebra

internal import CKernels

/// Gemm: alpha op(A) op(B) + beta C, C broadcast to the product.
///
/// Beyond ONNX, B may have 16-bit elements beside float32 ones of A: a weight as a file has it. It is widened block by
/// block in each run, so that it is never in memory as a whole in float32 (only if transB). If A is bfloat16, B is taken
/// as bfloat16 (rounded if it is not): products are exact, sums and the result float32.
struct GemmKernel: OperatorKernel {
  private let transposeA: Bool
  private let transposeB: Bool
  private let alpha: Float
  private let beta: Float

  init(_ node: Node) throws(OperatorError) {
    transposeA = node.int("transA", default: 0) != 0
    transposeB = node.int("transB", default: 0) != 0
    alpha = node.float("alpha", default: 1)
    beta = node.float("beta", default: 1)
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (a, b) = (try ComputeChecks.weight(inputs, 0, "A"), try ComputeChecks.weight(inputs, 1, "B"))
    guard a.elementType != .float16, a.elementType == .float32 || !transposeA else {
      throw .unsupported("A of type \(a.elementType.rawValue), transA \(transposeA)")
    }
    let c = try ComputeChecks.optionalFloat(inputs, 2, "C")
    guard a.shape.count == 2, b.shape.count == 2 else {
      throw .invalid("A of \(a.shape) and B of \(b.shape) are not both matrices")
    }
    let (rows, depth) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let (inner, columns) = transposeB ? (b.shape[1], b.shape[0]) : (b.shape[0], b.shape[1])
    guard depth == inner else {
      throw .invalid("A of \(a.shape) and B of \(b.shape) (transA \(transposeA), transB \(transposeB)) do not multiply")
    }
    if let c {
      guard c.shape.count <= 2, zip(c.shape.reversed(), [columns, rows]).allSatisfy({ $0 == $1 || $0 == 1 }) else {
        throw .invalid("C of \(c.shape) does not broadcast to [\(rows), \(columns)]")
      }
    }
    return [TensorType(.float32, [rows, columns])]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (a, b, c) = (inputs[0]!, inputs[1]!, ComputeChecks.optional(inputs, 2))
    let sizes = Sizes(
      rows: transposeA ? a.shape[1] : a.shape[0], columns: transposeB ? b.shape[0] : b.shape[1],
      depth: transposeA ? a.shape[0] : a.shape[1])
    let output = try Tensor(
      shape: [sizes.rows, sizes.columns]
    ) { (y: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if y.isEmpty { return }
      if let c { add(c, rows: sizes.rows, columns: sizes.columns, to: y) }
      try multiply(a, b, sizes, accumulates: c != nil, into: y.baseAddress!)
    }
    return [output]
  }

  /// The product's sizes: (rows x depth) times (depth x columns).
  private struct Sizes { var rows, columns, depth: Int }

  /// Computes alpha op(A) op(B), or adds it to what `y` holds.
  private func multiply(
    _ a: Tensor, _ b: Tensor, _ sizes: Sizes, accumulates: Bool, into y: UnsafeMutablePointer<Float>
  ) throws(OperatorError) {
    if a.elementType == .bfloat16 {
      return try multiplyBFloat16(a, b, sizes, accumulates: accumulates, into: y)
    }
    a.withElements { (a: UnsafeBufferPointer<Float>) in
      for part in parts(of: b, sizes, as: .float32) {
        withFloats(b, part.elements) { b in
          GEMM.multiply(
            rows: sizes.rows, columns: part.columns.count, depth: sizes.depth, alpha: alpha,
            a.baseAddress!, stride: max(transposeA ? sizes.rows : sizes.depth, 1), transposed: transposeA,
            b, stride: max(transposeB ? sizes.depth : sizes.columns, 1), transposed: transposeB,
            beta: accumulates ? 1 : 0, into: y + part.columns.lowerBound, stride: sizes.columns)
        }
      }
    }
  }

  private func multiplyBFloat16(
    _ a: Tensor, _ b: Tensor, _ sizes: Sizes, accumulates: Bool, into y: UnsafeMutablePointer<Float>
  ) throws(OperatorError) {
    let isPlain = alpha == 1 && !accumulates
    let count = sizes.rows * sizes.columns
    try Temporary.withFloats(isPlain ? 0 : count) { product throws(OperatorError) in
      let target = isPlain ? y : product
      for part in parts(of: b, sizes, as: .bfloat16) {
        try ComputeChecks.library { () throws(DNNError) in
          try a.withBFloat16 { a throws(DNNError) in
            try withBFloat16(b, part.elements) { b throws(DNNError) in
              try GEMM.multiply(
                rows: sizes.rows, columns: part.columns.count, depth: sizes.depth, a,
                stride: max(sizes.depth, 1), transposed: false, b,
                stride: max(transposeB ? sizes.depth : sizes.columns, 1), transposed: transposeB,
                into: target + part.columns.lowerBound, stride: sizes.columns)
            }
          }
        }
      }
      if isPlain { return }
      for i in 0..<count { y[i] = accumulates ? y[i] + alpha * product[i] : alpha * product[i] }
    }
  }

  /// Numbers that a weight is converted to at a time.
  private static let convertedCount = 1 << 22

  /// The products that make up the result: one, or several blocks of output columns where B is converted to `type`.
  private func parts(
    of b: Tensor, _ sizes: Sizes, as type: ElementType
  ) -> [(columns: Range<Int>, elements: Range<Int>)] {
    guard transposeB, b.elementType != type, sizes.depth > 0 else { return [(0..<sizes.columns, 0..<b.count)] }
    let step = max(64, Self.convertedCount / sizes.depth / 64 * 64)
    return stride(from: 0, to: sizes.columns, by: step).map { start in
      let end = min(start + step, sizes.columns)
      return (start..<end, start * sizes.depth..<end * sizes.depth)
    }
  }

  /// Calls `body` with elements of `b` as float32.
  private func withFloats<E: Error>(
    _ b: Tensor, _ range: Range<Int>, _ body: (UnsafePointer<Float>) throws(E) -> Void
  ) throws(E) {
    if b.elementType == .float32 {
      try b.withElements { (b: UnsafeBufferPointer<Float>) throws(E) in
        try body(b.baseAddress! + range.lowerBound)
      }
    } else {
      try Temporary.withFloats(max(range.count, 1)) { floats throws(E) in
        b.copyWidened(range, to: floats)
        try body(floats)
      }
    }
  }

  /// Calls `body` with elements of `b` as bfloat16.
  private func withBFloat16<E: Error>(
    _ b: Tensor, _ range: Range<Int>, _ body: (UnsafePointer<UInt16>) throws(E) -> Void
  ) throws(E) {
    if b.elementType == .bfloat16 {
      return try b.withBFloat16 { b throws(E) in try body(b + range.lowerBound) }
    }
    try withFloats(b, range) { floats throws(E) in
      try Temporary.withFloats((range.count + 1) / 2) { memory throws(E) in
        try memory.withMemoryRebound(to: UInt16.self, capacity: range.count) { bits throws(E) in
          kernels_to_bfloat16(bits, floats, range.count)
          try body(bits)
        }
      }
    }
  }

  /// Fills `y` with beta C.
  private func add(_ c: Tensor, rows: Int, columns: Int, to y: UnsafeMutableBufferPointer<Float>) {
    let height = c.rank == 2 ? c.shape[0] : 1
    let width = c.rank >= 1 ? c.shape[c.rank - 1] : 1
    c.withElements { (c: UnsafeBufferPointer<Float>) in
      for row in 0..<rows {
        let start = height == 1 ? 0 : row * width
        for column in 0..<columns { y[row * columns + column] = beta * c[start + (width == 1 ? 0 : column)] }
      }
    }
  }
}
