import Graphs
import LinearAlgebra

/// Gemm: alpha op(A) op(B) + beta C, C broadcast to the product.
///
/// Beyond ONNX, B may have 16-bit elements beside float32 ones of A: a weight as a file has it. It is widened block by
/// block in each run, so that it is never in memory as a whole in float32 (only if transB).
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
    let (a, b) = (try ComputeChecks.float(inputs, 0, "A"), try ComputeChecks.weight(inputs, 1, "B"))
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
    let (rows, depth) = transposeA ? (a.shape[1], a.shape[0]) : (a.shape[0], a.shape[1])
    let columns = transposeB ? b.shape[0] : b.shape[1]
    let output = Tensor(shape: [rows, columns]) { (y: UnsafeMutableBufferPointer<Float>) in
      if y.isEmpty { return }
      if let c { add(c, rows: rows, columns: columns, to: y) }
      a.withElements { (a: UnsafeBufferPointer<Float>) in
        for part in parts(of: b, columns: columns, depth: depth) {
          withFloats(b, part.elements) { b in
            GEMM.multiply(
              rows: rows, columns: part.columns.count, depth: depth, alpha: alpha,
              a.baseAddress!, stride: max(transposeA ? rows : depth, 1), transposed: transposeA,
              b, stride: max(transposeB ? depth : columns, 1), transposed: transposeB,
              beta: c == nil ? 0 : 1, into: y.baseAddress! + part.columns.lowerBound, stride: columns)
          }
        }
      }
    }
    return [output]
  }

  /// Floats that a 16-bit weight is widened to at a time: 16 MB.
  private static let widenedCount = 1 << 22

  /// The products that make up the result: one, or several blocks of output columns where B is widened.
  private func parts(of b: Tensor, columns: Int, depth: Int) -> [(columns: Range<Int>, elements: Range<Int>)] {
    guard transposeB, b.elementType != .float32, depth > 0 else { return [(0..<columns, 0..<b.count)] }
    let step = max(64, Self.widenedCount / depth / 64 * 64)
    return stride(from: 0, to: columns, by: step).map { start in
      let end = min(start + step, columns)
      return (start..<end, start * depth..<end * depth)
    }
  }

  /// Calls `body` with elements of `b` as float32.
  private func withFloats(_ b: Tensor, _ range: Range<Int>, _ body: (UnsafePointer<Float>) -> Void) {
    if b.elementType == .float32 {
      b.withElements { (b: UnsafeBufferPointer<Float>) in body(b.baseAddress! + range.lowerBound) }
    } else {
      Temporary.withFloats(max(range.count, 1)) { floats in
        b.copyWidened(range, to: floats)
        body(floats)
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
