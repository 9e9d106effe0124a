import Synchronization

/// Where sums are added up: in an array of this process, or in memory that ranks of a node share.
enum SumStorage: Sendable {
  case own(OwnSums)
  case shared(SharedSumMemory)

  /// An array whose rows are cut into slices, each under a lock, so that threads that add to different rows do not wait.
  final class OwnSums: @unchecked Sendable {
    private static let sliceCount = 64
    private final class Lock: Sendable {
      let mutex = Mutex(())
    }

    private var sums: [Int64]
    /// Where `sums` are: nothing changes or copies the array until it is taken, so they stay there.
    private let base: UnsafeMutablePointer<Int64>
    private let locks = (0..<sliceCount).map { _ in Lock() }

    init(count: Int) {
      sums = LargeArray.zeros(count)
      base = sums.withUnsafeMutableBufferPointer { $0.baseAddress ?? UnsafeMutablePointer(bitPattern: 8)! }
    }

    func forEachSlice(_ part: Range<Int>, ofRows rows: Int, _ body: (Range<Int>, UnsafeMutablePointer<Int64>) -> Void) {
      for slice in 0..<Self.sliceCount {
        let range = (slice * rows / Self.sliceCount..<(slice + 1) * rows / Self.sliceCount).clamped(to: part)
        if range.isEmpty { continue }
        locks[slice].mutex.withLock { _ in body(range, base) }
      }
    }

    func take() -> [Int64] {
      let taken = sums
      sums = []
      return taken
    }
  }

  /// `count` zero sums, or those of `memory`.
  init(count: Int, _ memory: SharedSumMemory?) {
    precondition(memory?.count ?? count == count, "\(memory?.count ?? 0) shared sums, \(count) are needed")
    self = memory.map { .shared($0) } ?? .own(OwnSums(count: count))
  }

  /// Calls `body` for ranges that together are the rows `part` of `rows`, while nobody else adds to these.
  func forEachSlice(_ part: Range<Int>, ofRows rows: Int, _ body: (Range<Int>, UnsafeMutablePointer<Int64>) -> Void) {
    switch self {
    case .own(let own): own.forEachSlice(part, ofRows: rows, body)
    case .shared(let memory): memory.forEachSlice(part, ofRows: rows, body)
    }
  }

  /// The sums so far, once nobody adds any more; those of an array are given away.
  func take() -> [Int64] {
    switch self {
    case .own(let own): own.take()
    case .shared(let memory): memory.copy()
    }
  }
}
