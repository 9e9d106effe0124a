import Glibc
import LinearAlgebra
import Synchronization

/// Integer sums in memory that processes share: whoever has some to add adds them there, slice by slice, each under a lock.
///
/// One process calls `prepare` before anybody adds, and all together `clear` all parts. Integer addition is associative, so the sums do
/// not depend on who comes first.
public final class SharedSumMemory: Sendable {
  /// Number of integers.
  public let count: Int
  private nonisolated(unsafe) let base: UnsafeMutableRawPointer
  private let owner: any AnyObject & Sendable
  /// Where the next addition begins, so that those who add at the same time do not meet in the same slice.
  private let next: Atomic<Int>

  private static let sliceCount = 16
  /// A lock has a cache line of its own.
  private static let lockStride = 64
  private static var headerBytes: Int { sliceCount * lockStride }

  /// Bytes that `count` sums and their locks take: a multiple of 64.
  public static func byteCount(_ count: Int) -> Int { headerBytes + (8 * count + 63) / 64 * 64 }

  /// Sums at `base`, which is aligned to 64 bytes and has `byteCount(count)` of them, kept by `owner`.
  ///
  /// - Parameter turn: differs from process to process.
  public init(at base: UnsafeMutableRawPointer, count: Int, turn: Int, owner: any AnyObject & Sendable) {
    precondition(MemoryLayout<pthread_mutex_t>.size <= Self.lockStride, "a lock larger than a cache line")
    (self.base, self.count, self.owner) = (base, count, owner)
    next = Atomic(turn)
  }

  /// The integers.
  public var sums: UnsafeMutableBufferPointer<Int64> {
    UnsafeMutableBufferPointer(
      start: (base + Self.headerBytes).bindMemory(to: Int64.self, capacity: count), count: count)
  }

  /// A copy of the integers.
  public func copy() -> [Int64] { LargeArray.copy(sums) }

  /// The integers where they lie: nobody adds to them any more.
  public var finished: ReadStorage<Int64> { ReadStorage(UnsafeBufferPointer(sums), owner: owner) }

  /// Makes the locks, in one process, while no other uses them.
  public func prepare() {
    var attributes = pthread_mutexattr_t()
    pthread_mutexattr_init(&attributes)
    pthread_mutexattr_setpshared(&attributes, Int32(PTHREAD_PROCESS_SHARED))
    for slice in 0..<Self.sliceCount { pthread_mutex_init(lock(slice), &attributes) }
    pthread_mutexattr_destroy(&attributes)
  }

  /// Sets part `index` of `parts` equal ones to zero.
  public func clear(part index: Int, of parts: Int) {
    let part = index * count / parts..<(index + 1) * count / parts
    UnsafeMutableBufferPointer(rebasing: sums[part]).update(repeating: 0)
  }

  /// Calls `body` for the rows `part` in each of the slices into which `rows` rows are cut, with the slice's lock held.
  func forEachSlice(_ part: Range<Int>, ofRows rows: Int, _ body: (Range<Int>, UnsafeMutablePointer<Int64>) -> Void) {
    let first = next.wrappingAdd(5, ordering: .relaxed).oldValue
    for step in 0..<Self.sliceCount {
      let slice = (first + step) % Self.sliceCount
      let range = slice * rows / Self.sliceCount..<(slice + 1) * rows / Self.sliceCount
      let own = range.clamped(to: part)
      if own.isEmpty { continue }
      pthread_mutex_lock(lock(slice))
      body(own, sums.baseAddress!)
      pthread_mutex_unlock(lock(slice))
    }
  }

  private func lock(_ slice: Int) -> UnsafeMutablePointer<pthread_mutex_t> {
    (base + slice * Self.lockStride).assumingMemoryBound(to: pthread_mutex_t.self)
  }
}
