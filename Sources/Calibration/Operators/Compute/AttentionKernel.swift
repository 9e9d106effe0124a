import Graphs
import LinearAlgebra

/// Attention: softmax(scale Q Kᵀ + mask) V for each head, in blocks of queries.
///
/// Q is (batch, q_num_heads, queries, size) or (batch, queries, q_num_heads * size), K and V likewise with
/// `kv_num_heads`; heads of K and V are shared by equal runs of heads of Q. Meaning of ONNX operator set 24: `scale`,
/// `softcap` before the mask, `is_causal` (the last query sees all keys), `attn_mask`, past keys and values,
/// `nonpad_kv_seqlen`. `left_window_size` and `right_window_size` are those of later operator sets: a query sees the
/// keys at most so many positions before and behind it, -1 for all. A query that sees no key gives zeros.
///
/// A block of queries of a head is a piece. Extra memory of a thread: `blockRows` rows of scores, whatever the number of queries. The result of a query depends on its block's
/// inputs alone, and blocks on the shapes alone.
struct AttentionKernel: PiecewiseKernel {
  private let isCausal: Bool
  private let scale: Float?
  private let softcap: Float
  private let queryHeads: Int
  private let keyHeads: Int
  private let window: (left: Int, right: Int)
  private let outputCount: Int
  private let functions = AttentionFunctions()

  /// Queries whose scores are held at a time.
  static let blockRows = 128

  init(_ node: Node) throws(OperatorError) {
    isCausal = node.int("is_causal", default: 0) != 0
    if case .float(let value)? = node.attributes["scale"] { scale = value } else { scale = nil }
    softcap = node.float("softcap", default: 0)
    queryHeads = node.int("q_num_heads", default: 0)
    keyHeads = node.int("kv_num_heads", default: 0)
    window = (node.int("left_window_size", default: -1), node.int("right_window_size", default: -1))
    // float32, float16, bfloat16: computed in float32.
    guard [1, 10, 16].contains(node.int("softmax_precision", default: 1)) else {
      throw .unsupported("a softmax_precision of type \(node.int("softmax_precision", default: 1))")
    }
    guard window.left >= -1, window.right >= -1 else { throw .invalid("window sizes \(window)") }
    outputCount = (node.outputs.lastIndex { $0 != nil } ?? 0) + 1
    guard outputCount <= 3 else { throw .unsupported("the output qk_matmul_output") }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let shape = try shape(inputs.map { $0?.shape })
    for index in inputs.indices where index != 3 && index != 6 {
      guard let facts = inputs[index] else { continue }
      guard facts.elementType == .float32 else {
        throw .unsupported("input \(index) of type \(facts.elementType.rawValue); it must be float32")
      }
    }
    if inputs.count > 3, let mask = inputs[3], mask.elementType != .float32, mask.elementType != .bool {
      throw .unsupported("a mask of type \(mask.elementType.rawValue); it must be float32 or bool")
    }
    if inputs.count > 6, let lengths = inputs[6], lengths.elementType != .int64 {
      throw .invalid("nonpad_kv_seqlen is \(lengths.elementType.rawValue), not int64")
    }
    let present = [shape.batch, shape.keyHeads, shape.keys]
    return [
      TensorType(.float32, shape.output), TensorType(.float32, present + [shape.size]),
      TensorType(.float32, present + [shape.valueSize]),
    ].prefix(outputCount).map(\.self)
  }

  private func shape(_ inputs: [[Int]?]) throws(OperatorError) -> AttentionShape {
    try AttentionShape(inputs, queryHeads: queryHeads, keyHeads: keyHeads)
  }

  func pieceCount(_ inputs: [TensorType?]) -> Int {
    guard let shape = try? shape(inputs.map { $0?.shape }) else { return 1 }
    return shape.batch * shape.queryHeads * ((shape.queries + Self.blockRows - 1) / Self.blockRows)
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let shape = try shape(inputs.map { $0?.shape })
    let (query, mask) = (inputs[0]!, ComputeChecks.optional(inputs, 3))
    let lengths = ComputeChecks.optional(inputs, 6)?.array(of: Int64.self).map { Int($0) }
    if let bad = lengths?.first(where: { !(0...shape.keys).contains($0) }) {
      throw .invalid("nonpad_kv_seqlen has \(bad), which is not in 0 ... \(shape.keys)")
    }
    var (allKeys, allValues) = (inputs[1]!, inputs[2]!)
    var layouts = (key: shape.keyLayout, value: shape.valueLayout)
    if shape.past > 0 || outputCount > 1 {
      allKeys = Self.joined(ComputeChecks.optional(inputs, 4), allKeys, layouts.key, shape, size: shape.size)
      allValues = Self.joined(ComputeChecks.optional(inputs, 5), allValues, layouts.value, shape, size: shape.valueSize)
      layouts.key = HeadLayout(heads: shape.keyHeads, rows: shape.keys, size: shape.size, headsFirst: true)
      layouts.value = HeadLayout(heads: shape.keyHeads, rows: shape.keys, size: shape.valueSize, headsFirst: true)
    }
    let (key, value, keyLayout, valueLayout) = (allKeys, allValues, layouts.key, layouts.value)
    let blocks = (shape.queries + Self.blockRows - 1) / Self.blockRows
    let maskView = mask.map { AttentionMask($0, keys: shape.keys) }
    let factor = scale ?? 1 / Float(shape.size).squareRoot()
    let output = try Tensor(shape: shape.output) { (y: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if y.isEmpty { return }
      if shape.keys == 0 { return y.update(repeating: 0) }
      try query.withElements { (q: UnsafeBufferPointer<Float>) throws(OperatorError) in
        try key.withElements { (k: UnsafeBufferPointer<Float>) throws(OperatorError) in
          try value.withElements { (v: UnsafeBufferPointer<Float>) throws(OperatorError) in
            nonisolated(unsafe) let (q, k, v, y) = (q.baseAddress!, k.baseAddress!, v.baseAddress!, y.baseAddress!)
            try workers.forEach(shape.batch * shape.queryHeads * blocks) { piece throws(OperatorError) in
              // The last blocks, which see most keys if attention is causal, come first.
              let (step, place) = piece.quotientAndRemainder(dividingBy: shape.batch * shape.queryHeads)
              let (batch, head) = place.quotientAndRemainder(dividingBy: shape.queryHeads)
              let start = (blocks - 1 - step) * Self.blockRows
              let offset = lengths.map { $0[batch] - shape.queries } ?? shape.past
              let limits = AttentionLimits(
                keys: lengths?[batch] ?? shape.keys, offset: offset, isCausal: isCausal, left: window.left,
                right: window.right)
              let keyHead = head / (shape.queryHeads / shape.keyHeads)
              try block(
                start..<min(start + Self.blockRows, shape.queries), limits, shape, factor,
                query: q + shape.queryLayout.offset(batch, head, start),
                key: k + keyLayout.offset(batch, keyHead, 0), keyStride: keyLayout.rowStride,
                value: v + valueLayout.offset(batch, keyHead, 0), valueStride: valueLayout.rowStride,
                mask: maskView?.head(batch, head), into: y + shape.outputLayout.offset(batch, head, start))
            }
          }
        }
      }
    }
    return outputCount > 1 ? [output, key, value].prefix(outputCount).map(\.self) : [output]
  }

  /// One head's outputs for the queries `rows`.
  private func block(
    _ rows: Range<Int>, _ limits: AttentionLimits, _ shape: AttentionShape, _ factor: Float,
    query: UnsafePointer<Float>, key: UnsafePointer<Float>, keyStride: Int, value: UnsafePointer<Float>,
    valueStride: Int, mask: AttentionMask.Head?, into y: UnsafeMutablePointer<Float>
  ) throws(OperatorError) {
    let visible = limits.union(of: rows)
    let (count, width) = (rows.count, visible.count)
    if visible.isEmpty {
      for row in 0..<count { (y + row * shape.outputLayout.rowStride).update(repeating: 0, count: shape.valueSize) }
      return
    }
    let size = AttentionFunctions.padded(count * width)
    try Temporary.withFloats(size) { scores throws(OperatorError) in
      (scores + count * width).update(repeating: 0, count: size - count * width)
      // S = scale Q Kᵀ, only for keys that a query of the block sees.
      GEMM.multiply(
        rows: count, columns: width, depth: shape.size, alpha: factor, query, stride: shape.queryLayout.rowStride,
        transposed: false, key + visible.lowerBound * keyStride, stride: keyStride, transposed: true, into: scores,
        stride: width)
      if softcap > 0 {
        for i in 0..<count * width { scores[i] /= softcap }
        try functions.apply(.tanh, scores, count: size)
        for i in 0..<count * width { scores[i] *= softcap }
      }
      for row in 0..<count {
        let seen = limits.keys(of: rows.lowerBound + row)
        let line = UnsafeMutableBufferPointer(start: scores + row * width, count: width)
        if let mask { mask.add(to: line, query: rows.lowerBound + row, firstKey: visible.lowerBound) }
        AttentionFunctions.subtractMaximum(
          line, seen: seen.lowerBound - visible.lowerBound..<seen.upperBound - visible.lowerBound)
      }
      try functions.apply(.exponential, scores, count: size)
      try withUnsafeTemporaryAllocation(of: Float.self, capacity: count) { factors throws(OperatorError) in
        for row in 0..<count {
          let seen = limits.keys(of: rows.lowerBound + row)
          let line = UnsafeMutableBufferPointer(start: scores + row * width, count: width)
          factors[row] = AttentionFunctions.clearUnseen(
            line, seen: seen.lowerBound - visible.lowerBound..<seen.upperBound - visible.lowerBound)
        }
        let stride = shape.outputLayout.rowStride
        GEMM.multiply(
          rows: count, columns: shape.valueSize, depth: width, scores, stride: width,
          value + visible.lowerBound * valueStride, stride: valueStride, into: y, stride: stride)
        for row in 0..<count {
          for i in 0..<shape.valueSize { y[row * stride + i] *= factors[row] }
        }
      }
    }
  }

  /// Past and new keys (or values) behind each other: (batch, heads, keys, size).
  private static func joined(
    _ past: Tensor?, _ new: Tensor, _ layout: HeadLayout, _ shape: AttentionShape, size: Int
  ) -> Tensor {
    let added = shape.keys - shape.past
    return Tensor(shape: [shape.batch, shape.keyHeads, shape.keys, size]) { (y: UnsafeMutableBufferPointer<Float>) in
      guard var target = y.baseAddress else { return }
      new.withElements { (new: UnsafeBufferPointer<Float>) in
        for batch in 0..<shape.batch {
          for head in 0..<shape.keyHeads {
            if let past, shape.past > 0 {
              past.withElements { (past: UnsafeBufferPointer<Float>) in
                let start = (batch * shape.keyHeads + head) * shape.past * size
                target.update(from: past.baseAddress! + start, count: shape.past * size)
              }
              target += shape.past * size
            }
            for row in 0..<added {
              target.update(from: new.baseAddress! + layout.offset(batch, head, row), count: size)
              target += size
            }
          }
        }
      }
    }
  }
}
