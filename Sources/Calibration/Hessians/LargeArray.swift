import Glibc

/// Arrays of sums, which are too large to be kept: their memory is asked for in large pages, so that the system makes and clears it in a
/// fraction of the time.
enum LargeArray {
  private static let hugePage = 2 << 20

  /// `count` zeros.
  static func zeros(_ count: Int) -> [Int64] {
    [Int64](unsafeUninitializedCapacity: count) { buffer, initialized in
      advise(buffer)
      buffer.initialize(repeating: 0)
      initialized = count
    }
  }

  /// The elements of `source`.
  static func copy(_ source: UnsafeMutableBufferPointer<Int64>) -> [Int64] {
    [Int64](unsafeUninitializedCapacity: source.count) { buffer, initialized in
      advise(buffer)
      initialized = buffer.initialize(fromContentsOf: source)
    }
  }

  /// Asks for large pages where whole ones fit. Corresponds to `madvise` with `MADV_HUGEPAGE`.
  private static func advise(_ buffer: UnsafeMutableBufferPointer<Int64>) {
    guard let base = buffer.baseAddress else { return }
    let start = UnsafeMutableRawPointer(base).alignedUp(toMultipleOf: hugePage)
    let end = UnsafeMutableRawPointer(base + buffer.count).alignedDown(toMultipleOf: hugePage)
    if start < end { _ = madvise(start, end - start, MADV_HUGEPAGE) }
  }
}
