import LinearAlgebra

/// The element functions of Attention, by oneDNN in pieces of one size, so that two primitives serve all blocks.
final class AttentionFunctions: Sendable {
  /// Elements of a piece.
  private static let piece = 8192
  private let primitives = ShapeCache<DNNFunction, DNNElementwise>()

  /// `count` rounded up to whole pieces.
  static func padded(_ count: Int) -> Int { (count + piece - 1) / piece * piece }

  /// Replaces `count` elements, whole pieces, by the function of them.
  func apply(_ function: DNNFunction, _ x: UnsafeMutablePointer<Float>, count: Int) throws(OperatorError) {
    try ComputeChecks.library { () throws(DNNError) in
      let primitive = try primitives.value(for: function) { () throws(DNNError) in
        try DNNElementwise(function, count: Self.piece)
      }
      for start in stride(from: 0, to: count, by: Self.piece) {
        let part = UnsafeMutableBufferPointer(start: x + start, count: Self.piece)
        try primitive.run(UnsafeBufferPointer(part), into: part)
      }
    }
  }

  /// Subtracts the largest score of `seen` from those; unseen scores, and all if the largest is -infinity, become 0.
  static func subtractMaximum(_ line: UnsafeMutableBufferPointer<Float>, seen: Range<Int>) {
    let part = UnsafeMutableBufferPointer(rebasing: line[clamped(seen, line)])
    let largest = LaneSums.maximum(UnsafeBufferPointer(part))
    // An infinite score beside which nothing else counts: softmax is NaN there, as it is by its definition.
    if largest == -.infinity, !part.contains(where: \.isNaN) {
      part.update(repeating: -.infinity)
    } else {
      for i in part.indices { part[i] -= largest }
    }
    clear(line, outside: clamped(seen, line))
  }

  /// Clears the unseen exponentials of a line; returns the reciprocal of the sum of the others, 0 if that is 0.
  static func clearUnseen(_ line: UnsafeMutableBufferPointer<Float>, seen: Range<Int>) -> Float {
    clear(line, outside: clamped(seen, line))
    let sum = LaneSums.sum(UnsafeBufferPointer(rebasing: line[clamped(seen, line)]))
    return sum == 0 ? 0 : 1 / sum
  }

  private static func clamped(_ seen: Range<Int>, _ line: UnsafeMutableBufferPointer<Float>) -> Range<Int> {
    seen.isEmpty ? 0..<0 : seen.clamped(to: line.indices)
  }

  private static func clear(_ line: UnsafeMutableBufferPointer<Float>, outside seen: Range<Int>) {
    for i in 0..<seen.lowerBound { line[i] = 0 }
    for i in seen.upperBound..<line.count { line[i] = 0 }
  }
}
