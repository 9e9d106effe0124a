import Synchronization

#if canImport(Glibc)
  import Glibc
#endif

/// Memory of tensors that are gone, kept for those that come.
///
/// The system gives out fresh memory page by page and clears it, which costs as much as several passes over it; a
/// network that runs chunk after chunk needs the same sizes again and again. Small memory is left to the
/// allocator, which keeps it itself. Any thread may call; which memory a tensor gets never shows in its contents,
/// because whoever takes it writes all of it.
final class MemoryPool: Sendable {
  /// The pool of all tensors of the process.
  static let shared = MemoryPool(limit: MemoryPoolRules.limit)

  /// One piece of memory and its size, which may be a little above what was asked for.
  struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int
  }

  private struct State {
    /// Waiting blocks, the one that came first in front.
    var blocks: [Block] = []
    var byteCount = 0
    /// Bytes that may wait at most; beyond it, what has waited longest goes back to the system.
    var limit: Int
  }

  private let state: Mutex<State>

  static let smallest = MemoryPoolRules.smallest
  private static let large = MemoryPoolRules.large
  /// Size and alignment of a large page.
  private static let hugePage = 2 << 20

  init(limit: Int) { state = Mutex(State(limit: limit)) }

  /// Changes how many bytes may wait, and gives all that wait back to the system.
  func limit(to bytes: Int) {
    let blocks = state.withLock { state in
      defer { (state.blocks, state.byteCount) = ([], 0) }
      state.limit = bytes
      return state.blocks
    }
    for block in blocks { block.base.deallocate() }
  }

  /// Bytes that wait for reuse.
  var idleByteCount: Int { state.withLock { $0.byteCount } }

  /// Memory of at least `byteCount` bytes and undefined contents, aligned to `TensorStorage.alignment`.
  func take(byteCount: Int) -> Block {
    if byteCount >= Self.smallest, let block = waiting(byteCount) { return block }
    guard byteCount >= Self.large else {
      return Block(
        base: .allocate(byteCount: max(byteCount, 1), alignment: TensorStorage.alignment), capacity: byteCount)
    }
    let base = UnsafeMutableRawPointer.allocate(byteCount: byteCount, alignment: Self.hugePage)
    #if canImport(Glibc)
      // Only whole pages, so that no more memory is used; if the system has none to give, nothing changes but speed.
      _ = madvise(base, byteCount / Self.hugePage * Self.hugePage, MADV_HUGEPAGE)
    #endif
    return Block(base: base, capacity: byteCount)
  }

  /// The smallest waiting block that is large enough and wastes at most an eighth.
  private func waiting(_ byteCount: Int) -> Block? {
    state.withLock { state in
      var best: Int?
      for (index, block) in state.blocks.enumerated()
      where block.capacity >= byteCount && block.capacity - byteCount <= byteCount / 8 {
        if best.map({ block.capacity < state.blocks[$0].capacity }) ?? true { best = index }
      }
      guard let best else { return nil }
      state.byteCount -= state.blocks[best].capacity
      return state.blocks.remove(at: best)
    }
  }

  /// Takes back memory that nothing uses any more.
  func giveBack(_ block: Block) {
    let surplus = state.withLock { state in
      guard block.capacity >= Self.smallest, block.capacity <= state.limit else { return [block] }
      state.blocks.append(block)
      state.byteCount += block.capacity
      var first = 0
      while state.byteCount > state.limit {
        state.byteCount -= state.blocks[first].capacity
        first += 1
      }
      defer { state.blocks.removeFirst(first) }
      return Array(state.blocks[..<first])
    }
    for block in surplus { block.base.deallocate() }
  }

  deinit { state.withLock { for block in $0.blocks { block.base.deallocate() } } }
}
