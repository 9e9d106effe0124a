/// How passes over the elements of tensors are cut into pieces: large enough to hide what taking one costs.
enum Pieces {
  /// Elements of a piece.
  static let elements = 1 << 16

  /// Rows of `width` elements that make up a piece.
  static func rows(_ width: Int) -> Int { max(1, elements / max(width, 1)) }
}
