import Graphs
import LinearAlgebra

/// RotaryEmbedding: pairs of a head's elements are turned by angles that grow with the position.
///
/// X is (batch, sequence, heads * size) with `num_heads`, or (batch, heads, sequence, size). The caches hold cosines and
/// sines: (positions, r / 2) if `position_ids` (batch, sequence) is given, else (batch, sequence, r / 2), where r is
/// `rotary_embedding_dim`, 0 for the whole head. ONNX operator set 23.
struct RotaryEmbeddingKernel: PiecewiseKernel {
  private let interleaved: Bool
  private let heads: Int
  private let rotated: Int

  init(_ node: Node) throws(OperatorError) {
    interleaved = node.int("interleaved", default: 0) != 0
    heads = node.int("num_heads", default: 0)
    rotated = node.int("rotary_embedding_dim", default: 0)
    guard heads >= 0, rotated >= 0, rotated % 2 == 0 else {
      throw .invalid("num_heads is \(heads) and rotary_embedding_dim \(rotated); the second one must be even")
    }
  }

  /// How a tensor of one of the two layouts is walked through.
  private struct Layout {
    let batch, sequence, heads, size: Int
    let headStride, rowStride: Int

    init(_ shape: [Int], heads: Int) throws(OperatorError) {
      if shape.count == 4 {
        (batch, self.heads, sequence, size) = (shape[0], shape[1], shape[2], shape[3])
        (headStride, rowStride) = (sequence * size, size)
      } else {
        guard shape.count == 3, heads > 0, shape[2] % heads == 0 else {
          throw .invalid("X of \(shape) with num_heads \(heads) does not give heads")
        }
        (batch, sequence, self.heads, size) = (shape[0], shape[1], heads, shape[2] / heads)
        (headStride, rowStride) = (size, heads * size)
      }
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let layout = try Layout(x.shape, heads: heads)
    let rotated = rotated == 0 ? layout.size : rotated
    guard rotated <= layout.size, rotated % 2 == 0 else {
      throw .invalid("\(rotated) elements of heads of \(layout.size) cannot be turned in pairs")
    }
    let positions = inputs.count > 3 ? inputs[3] : nil
    if let positions {
      guard positions.elementType == .int64, positions.shape == [layout.batch, layout.sequence] else {
        throw .invalid("position_ids are \(positions.elementType.rawValue) \(positions.shape)")
      }
    }
    for (index, name) in [(1, "cos_cache"), (2, "sin_cache")] {
      let cache = try ComputeChecks.float(inputs, index, name)
      let fits =
        positions == nil
        ? cache.shape == [layout.batch, layout.sequence, rotated / 2]
        : cache.shape.count == 2 && cache.shape[1] == rotated / 2
      guard fits else { throw .invalid("\(name) of \(cache.shape) does not fit X of \(x.shape)") }
      if let constant = positions?.constant { try Self.check(constant, of: cache.shape[0]) }
    }
    return [TensorType(.float32, x.shape)]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let (x, cosines, sines) = (inputs[0]!, inputs[1]!, inputs[2]!)
    let layout = try Layout(x.shape, heads: heads)
    let half = (rotated == 0 ? layout.size : rotated) / 2
    let rows = try Self.cacheRows(ComputeChecks.optional(inputs, 3), count: layout.batch * layout.sequence, of: cosines)
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      if y.isEmpty { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        cosines.withElements { (cosines: UnsafeBufferPointer<Float>) in
          sines.withElements { (sines: UnsafeBufferPointer<Float>) in
            nonisolated(unsafe) let (x, y, cosines, sines) = (x, y, cosines, sines)
            workers.forEachRange(rows.count, size: Pieces.rows(layout.heads * layout.size)) { places in
              for place in places {
                let (batch, position) = place.quotientAndRemainder(dividingBy: layout.sequence)
                let angles = rows[place] * half..<(rows[place] + 1) * half
                for head in 0..<layout.heads {
                  let start =
                    batch * layout.sequence * layout.heads * layout.size + head * layout.headStride
                    + position * layout.rowStride
                  turn(
                    UnsafeBufferPointer(rebasing: x[start..<start + layout.size]),
                    UnsafeBufferPointer(rebasing: cosines[angles]), UnsafeBufferPointer(rebasing: sines[angles]),
                    into: UnsafeMutableBufferPointer(rebasing: y[start..<start + layout.size]))
                }
              }
            }
          }
        }
      }
    }
    return [output]
  }

  /// The row of the caches for each position of each sequence.
  private static func cacheRows(_ positions: Tensor?, count: Int, of cache: Tensor) throws(OperatorError) -> [Int] {
    guard let positions else { return Array(0..<count) }
    try check(positions, of: cache.shape[0])
    return positions.withElements(as: Int64.self) { $0.map { Int($0) } }
  }

  /// Throws unless the caches, which hold `count` positions, have all of `positions`.
  private static func check(_ positions: Tensor, of count: Int) throws(OperatorError) {
    let outside = positions.withElements(as: Int64.self) { $0.first { !(0..<Int64(count)).contains($0) } }
    if let outside { throw .invalid("position \(outside) is not one of the \(count) that the caches hold") }
  }

  /// Turns one head's elements; those behind the turned ones are copied.
  private func turn(
    _ x: UnsafeBufferPointer<Float>, _ cosines: UnsafeBufferPointer<Float>, _ sines: UnsafeBufferPointer<Float>,
    into y: UnsafeMutableBufferPointer<Float>
  ) {
    let half = cosines.count
    if interleaved {
      for i in 0..<half {
        let (real, imaginary) = (x[2 * i], x[2 * i + 1])
        y[2 * i] = cosines[i] * real - sines[i] * imaginary
        y[2 * i + 1] = sines[i] * real + cosines[i] * imaginary
      }
    } else {
      for i in 0..<half {
        let (real, imaginary) = (x[i], x[half + i])
        y[i] = cosines[i] * real - sines[i] * imaginary
        y[half + i] = sines[i] * real + cosines[i] * imaginary
      }
    }
    for i in 2 * half..<x.count { y[i] = x[i] }
  }
}
