import Synchronization

/// Temporary memory of one call: aligned to 64 bytes, undefined contents, returned to a pool when it is freed.
///
/// The pool saves the page faults of fresh memory, which cost as much as writing it twice.
struct Scratch: ~Copyable {
  /// Start of the memory.
  let base: UnsafeMutableRawPointer
  private let capacity: Int

  private struct Block: @unchecked Sendable {
    let base: UnsafeMutableRawPointer
    let capacity: Int
  }

  private static let free = Mutex<[Block]>([])
  /// Blocks that wait for reuse at most; the smallest is given back to the system first.
  private static let limit = max(16, 2 * AllowedCores.numbers.count)

  /// Takes memory of at least `byteCount` bytes.
  init(byteCount: Int) {
    precondition(byteCount >= 0, "a scratch of \(byteCount) bytes")
    let reused = Self.free.withLock { blocks -> Block? in
      // The smallest that is large enough, and not so much larger that it starves a later call.
      var best: Int?
      for (index, block) in blocks.enumerated() where block.capacity >= byteCount && block.capacity / 4 <= byteCount {
        if best.map({ block.capacity < blocks[$0].capacity }) ?? true { best = index }
      }
      return best.map { blocks.remove(at: $0) }
    }
    if let reused {
      (base, capacity) = (reused.base, reused.capacity)
    } else {
      capacity = max(byteCount, 4096)
      base = .allocate(byteCount: capacity, alignment: 64)
    }
  }

  /// Gives what waits for reuse back to the system.
  static func releaseIdle() {
    let blocks = free.withLock { blocks in
      defer { blocks = [] }
      return blocks
    }
    for block in blocks { block.base.deallocate() }
  }

  deinit {
    let block = Block(base: base, capacity: capacity)
    let surplus = Self.free.withLock { blocks -> Block? in
      blocks.append(block)
      guard blocks.count > Self.limit else { return nil }
      return blocks.remove(at: blocks.indices.min { blocks[$0].capacity < blocks[$1].capacity }!)
    }
    surplus?.base.deallocate()
  }
}
