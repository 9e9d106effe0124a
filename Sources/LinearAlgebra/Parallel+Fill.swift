extension Parallel {
  /// Where threads write pieces of one run of elements.
  public struct Target<Element>: @unchecked Sendable {
    /// The first element.
    public let base: UnsafeMutablePointer<Element>

    /// A place that each thread writes its own part of.
    public init(_ base: UnsafeMutablePointer<Element>) { self.base = base }
  }

  /// Elements of a piece of `array` and `forEachPiece`: its time hides that of taking it.
  private static let piece = 1 << 15

  /// Calls `body` with ranges that make up `0 ..< count`, on up to `threads` threads.
  public static func forEachPiece(_ count: Int, threads: Int, _ body: @Sendable (Range<Int>) -> Void) {
    let pieces = (count + piece - 1) / piece
    forEach(pieces, threads: threads) { body($0 * piece..<min(($0 + 1) * piece, count)) }
  }

  /// An array of `count` elements that `body` writes, range by range, on up to `threads` threads.
  public static func array<Element: BitwiseCopyable & Sendable>(
    _ count: Int, threads: Int, _ body: @Sendable (UnsafeMutablePointer<Element>, Range<Int>) -> Void
  ) -> [Element] {
    [Element](unsafeUninitializedCapacity: count) { buffer, initialized in
      if let base = buffer.baseAddress {
        let target = Target(base)
        forEachPiece(count, threads: threads) { body(target.base, $0) }
      }
      initialized = count
    }
  }
}
