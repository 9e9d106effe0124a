/// Where the rows of each head are in a tensor of (batch, heads, rows, size) or (batch, rows, heads * size).
struct HeadLayout {
  /// Distances of two batches, two heads, two rows.
  let batchStride, headStride, rowStride: Int

  init(heads: Int, rows: Int, size: Int, headsFirst: Bool) {
    batchStride = heads * rows * size
    headStride = headsFirst ? rows * size : size
    rowStride = headsFirst ? size : heads * size
  }

  /// The index of a row's first element.
  func offset(_ batch: Int, _ head: Int, _ row: Int) -> Int {
    batch * batchStride + head * headStride + row * rowStride
  }
}

/// The sizes of an Attention operator, from the shapes of its inputs.
struct AttentionShape {
  let batch, queryHeads, keyHeads, queries, past: Int
  /// Keys, past ones included.
  let keys: Int
  /// Elements of a head of Q and K.
  let size: Int
  /// Elements of a head of V.
  let valueSize: Int
  let queryLayout, keyLayout, valueLayout, outputLayout: HeadLayout
  /// The shape of the result.
  let output: [Int]

  /// From the shapes of Q, K, V, the mask, past keys and values, and the numbers of heads that 3-D inputs need.
  init(_ inputs: [[Int]?], queryHeads: Int, keyHeads: Int) throws(OperatorError) {
    guard inputs.count >= 3, let q = inputs[0], let k = inputs[1], let v = inputs[2] else {
      throw .invalid("Q, K or V is missing")
    }
    let headsFirst = q.count == 4
    guard q.count == k.count, q.count == v.count, headsFirst || q.count == 3 else {
      throw .invalid("Q of \(q), K of \(k) and V of \(v) are not all 3-D or all 4-D")
    }
    let heads = headsFirst ? (q[1], k[1], v[1]) : (queryHeads, keyHeads, keyHeads)
    guard heads.0 > 0, heads.1 > 0, heads.1 == heads.2, heads.0 % heads.1 == 0 else {
      throw .invalid("\(heads.0) heads of Q do not share \(heads.1) heads of K and \(heads.2) of V equally")
    }
    (batch, self.queryHeads, self.keyHeads) = (q[0], heads.0, heads.1)
    guard q.last! % (headsFirst ? 1 : heads.0) == 0, k.last! % (headsFirst ? 1 : heads.1) == 0,
      v.last! % (headsFirst ? 1 : heads.1) == 0
    else { throw .invalid("Q of \(q), K of \(k) and V of \(v) do not divide into \(heads) heads") }
    size = headsFirst ? q[3] : q[2] / heads.0
    valueSize = headsFirst ? v[3] : v[2] / heads.1
    let rows = headsFirst ? 2 : 1
    queries = q[rows]
    let added = k[rows]
    guard k[0] == q[0], v[0] == q[0], v[rows] == added, (headsFirst ? k[3] : k[2] / heads.1) == size else {
      throw .invalid("Q of \(q), K of \(k) and V of \(v) do not fit each other")
    }
    let pastKey = inputs.count > 4 ? inputs[4] : nil
    let pastValue = inputs.count > 5 ? inputs[5] : nil
    past = pastKey.map { $0.count == 4 ? $0[2] : -1 } ?? 0
    keys = past + added
    if pastKey != nil || pastValue != nil {
      guard pastKey == [batch, heads.1, past, size], pastValue == [batch, heads.1, past, valueSize] else {
        throw .invalid("past keys of \(pastKey, default: "none") and values of \(pastValue, default: "none")")
      }
    }
    if inputs.count > 3, let mask = inputs[3] {
      let full = [batch, heads.0, queries, keys]
      let fits =
        (1...4).contains(mask.count) && mask.last! <= keys
        && zip(mask.reversed(), full.reversed()).dropFirst().allSatisfy { $0 == $1 || $0 == 1 }
      guard fits else { throw .invalid("a mask of \(mask) for scores of \(full)") }
    }
    if inputs.count > 6, let lengths = inputs[6] {
      guard lengths == [batch], pastKey == nil else { throw .invalid("nonpad_kv_seqlen of \(lengths)") }
    }
    queryLayout = HeadLayout(heads: heads.0, rows: queries, size: size, headsFirst: headsFirst)
    keyLayout = HeadLayout(heads: heads.1, rows: added, size: size, headsFirst: headsFirst)
    valueLayout = HeadLayout(heads: heads.1, rows: added, size: valueSize, headsFirst: headsFirst)
    outputLayout = HeadLayout(heads: heads.0, rows: queries, size: valueSize, headsFirst: headsFirst)
    output = headsFirst ? [batch, heads.0, queries, valueSize] : [batch, queries, heads.0 * valueSize]
  }
}

/// Which keys a query sees by its position.
struct AttentionLimits {
  /// Keys there are.
  let keys: Int
  /// The position of the first query among the keys.
  let offset: Int
  let isCausal: Bool
  /// Keys seen before and behind a query's own position; -1 for all.
  let left, right: Int

  /// The keys that query `row` sees.
  func keys(of row: Int) -> Range<Int> {
    let position = row + offset
    var end = keys
    if isCausal { end = min(end, position + 1) }
    if right >= 0 { end = min(end, position + right + 1) }
    let start = left >= 0 ? max(0, position - left) : 0
    return start < end ? start..<end : 0..<0
  }

  /// The keys from the first to the last that any query of `rows` sees.
  func union(of rows: Range<Int>) -> Range<Int> {
    let ranges = rows.lazy.map { keys(of: $0) }.filter { !$0.isEmpty }
    guard let start = ranges.map(\.lowerBound).min(), let end = ranges.map(\.upperBound).max() else { return 0..<0 }
    return start..<end
  }
}
