import Graphs

/// The mask of an Attention operator, broadcast to (batch, heads, queries, keys).
struct AttentionMask {
  private let bias: [Float]
  /// Keys that the mask tells about; those behind are not seen.
  private let width: Int
  private let strides: [Int]

  /// Takes a float32 mask that is added to the scores, or one of bools that are true for keys that are seen.
  init(_ mask: Tensor, keys: Int) {
    bias =
      mask.elementType == .bool
      ? mask.withElements(as: Bool.self) { $0.map { $0 ? 0 : -.infinity } } : mask.array(of: Float.self)
    width = mask.shape.last!
    let shape = [Int](repeating: 1, count: 4 - mask.rank) + mask.shape
    var step = width
    var strides = [0, 0, 0]
    for axis in [2, 1, 0] {
      strides[axis] = shape[axis] == 1 ? 0 : step
      step *= shape[axis]
    }
    self.strides = strides
  }

  /// The mask of one head.
  struct Head {
    let mask: AttentionMask
    let start: Int

    /// Adds the mask to the scores of one query, the first of which belongs to key `firstKey`.
    func add(to scores: UnsafeMutableBufferPointer<Float>, query: Int, firstKey: Int) {
      let row = start + query * mask.strides[2]
      mask.bias.withUnsafeBufferPointer { bias in
        for i in scores.indices {
          scores[i] = firstKey + i < mask.width ? scores[i] + bias[row + firstKey + i] : -.infinity
        }
      }
    }
  }

  /// The mask of head `head` of sample `batch`.
  func head(_ batch: Int, _ head: Int) -> Head {
    Head(mask: self, start: batch * strides[0] + head * strides[1])
  }
}
