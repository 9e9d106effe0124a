import Graphs
import LinearAlgebra

internal import CKernels

/// Gemm: alpha op(A) op(B) + beta C, C broadcast to the product.
///
/// Beyond ONNX, B may have 16-bit elements beside float32 ones of A: a weight as a file has it. It is widened block by
/// block in each run, so that it is never in memory as a whole in float32 (only if transB). If A is bfloat16, B is taken
/// as bfloat16 (rounded if it is not): products are exact, sums and the result float32.
struct GemmKernel: PiecewiseKernel {
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

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let (a, b, c) = (inputs[0]!, inputs[1]!, ComputeChecks.optional(inputs, 2))
    let sizes = sizes(a.shape, b.shape)
    let output = try Tensor(
      shape: [sizes.rows, sizes.columns]
    ) { (y: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if y.isEmpty { return }
      if let c { add(c, rows: sizes.rows, columns: sizes.columns, to: y, workers) }
      try multiply(a, b, sizes, accumulates: c != nil, into: y.baseAddress!, workers)
    }
    return [output]
  }

  /// The product's sizes: (rows x depth) times (depth x columns).
  private struct Sizes { var rows, columns, depth: Int }

  private func sizes(_ a: [Int], _ b: [Int]) -> Sizes {
    Sizes(
      rows: transposeA ? a[1] : a[0], columns: transposeB ? b[0] : b[1], depth: transposeA ? a[0] : a[1])
  }

  func pieceCount(_ inputs: [TensorType?]) -> Int {
    guard let a = inputs[0], let b = inputs[1] else { return 1 }
    let type: ElementType = a.elementType == .bfloat16 ? .bfloat16 : .float32
    return tiles(of: b.elementType, sizes(a.shape, b.shape), as: type).count
  }

  /// Computes alpha op(A) op(B), or adds it to what `y` holds.
  private func multiply(
    _ a: Tensor, _ b: Tensor, _ sizes: Sizes, accumulates: Bool, into y: UnsafeMutablePointer<Float>, _ workers: Workers
  ) throws(OperatorError) {
    if a.elementType == .bfloat16 {
      return try multiplyBFloat16(a, b, sizes, accumulates: accumulates, into: y, workers)
    }
    let tiles = tiles(of: b.elementType, sizes, as: .float32)
    let isConverted = b.elementType != .float32
    nonisolated(unsafe) let y = y
    a.withElements { (a: UnsafeBufferPointer<Float>) in
      nonisolated(unsafe) let a = a.baseAddress!
      workers.forEach(tiles.count) { tile in
        let (rows, columns) = tiles[tile]
        withFloats(b, elements(of: columns, b, sizes, isConverted: isConverted)) { b in
          GEMM.multiply(
            rows: rows.count, columns: columns.count, depth: sizes.depth, alpha: alpha,
            a + rows.lowerBound * (transposeA ? 1 : sizes.depth),
            stride: max(transposeA ? sizes.rows : sizes.depth, 1), transposed: transposeA,
            b, stride: max(transposeB ? sizes.depth : sizes.columns, 1), transposed: transposeB,
            beta: accumulates ? 1 : 0, into: y + rows.lowerBound * sizes.columns + columns.lowerBound,
            stride: sizes.columns)
        }
      }
    }
  }

  private func multiplyBFloat16(
    _ a: Tensor, _ b: Tensor, _ sizes: Sizes, accumulates: Bool, into y: UnsafeMutablePointer<Float>, _ workers: Workers
  ) throws(OperatorError) {
    let isPlain = alpha == 1 && !accumulates
    let tiles = tiles(of: b.elementType, sizes, as: .bfloat16)
    let isConverted = b.elementType != .bfloat16
    nonisolated(unsafe) let y = y
    try a.withBFloat16 { a throws(OperatorError) in
      nonisolated(unsafe) let a = a
      try workers.forEach(tiles.count) { tile throws(OperatorError) in
        let (rows, columns) = tiles[tile]
        let target = y + rows.lowerBound * sizes.columns + columns.lowerBound
        try ComputeChecks.library { () throws(DNNError) in
          try withBFloat16(b, elements(of: columns, b, sizes, isConverted: isConverted)) { b throws(DNNError) in
            func multiply(into product: UnsafeMutablePointer<Float>, stride: Int) throws(DNNError) {
              try GEMM.multiply(
                rows: rows.count, columns: columns.count, depth: sizes.depth, a + rows.lowerBound * sizes.depth,
                stride: max(sizes.depth, 1), transposed: false, b,
                stride: max(transposeB ? sizes.depth : sizes.columns, 1), transposed: transposeB, into: product,
                stride: stride)
            }
            if isPlain { return try multiply(into: target, stride: sizes.columns) }
            try Temporary.withFloats(rows.count * columns.count) { product throws(DNNError) in
              try multiply(into: product, stride: columns.count)
              for row in 0..<rows.count {
                let (source, target) = (product + row * columns.count, target + row * sizes.columns)
                for i in 0..<columns.count {
                  target[i] = accumulates ? target[i] + alpha * source[i] : alpha * source[i]
                }
              }
            }
          }
        }
      }
    }
  }

  /// Numbers that a piece converts of a weight.
  static let convertedCount = 1 << 20

  /// The pieces of the product; if B is converted to `type`, each converts its columns by itself.
  private func tiles(of stored: ElementType, _ sizes: Sizes, as type: ElementType) -> ProductTiles {
    if stored == type {
      return ProductTiles(
        rows: sizes.rows, columns: sizes.columns, depth: sizes.depth, rowLimit: type == .bfloat16 ? 512 : 1024)
    }
    // A piece has all rows, so that nothing is converted twice; columns of B are consecutive only if it is transposed.
    guard transposeB, sizes.depth > 0 else { return ProductTiles(rows: sizes.rows, columns: sizes.columns, depth: 0) }
    return ProductTiles(
      rows: sizes.rows, columns: sizes.columns, depth: sizes.depth, rowLimit: max(sizes.rows, 1),
      columnLimit: Self.convertedCount / sizes.depth)
  }

  /// The elements of B from the first on that a piece reads to the last.
  private func elements(of columns: Range<Int>, _ b: Tensor, _ sizes: Sizes, isConverted: Bool) -> Range<Int> {
    if transposeB { return columns.lowerBound * sizes.depth..<columns.upperBound * sizes.depth }
    return isConverted ? 0..<b.count : columns.lowerBound..<b.count
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
  private func add(
    _ c: Tensor, rows: Int, columns: Int, to y: UnsafeMutableBufferPointer<Float>, _ workers: Workers
  ) {
    let height = c.rank == 2 ? c.shape[0] : 1
    let width = c.rank >= 1 ? c.shape[c.rank - 1] : 1
    nonisolated(unsafe) let y = y
    c.withElements { (c: UnsafeBufferPointer<Float>) in
      nonisolated(unsafe) let c = c
      workers.forEachRange(rows, size: Pieces.rows(columns)) { rows in
        for row in rows {
          let start = height == 1 ? 0 : row * width
          for column in 0..<columns { y[row * columns + column] = beta * c[start + (width == 1 ? 0 : column)] }
        }
      }
    }
  }
}
