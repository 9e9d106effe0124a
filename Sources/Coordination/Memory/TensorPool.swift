import Graphs

/// The blocks of memory that tensors take and give back, without the memory: what `MemoryPool` would have of each size.
struct TensorPool {
  /// Bytes that the system was asked for.
  struct Fresh: Equatable {
    /// Of blocks that come in small pages.
    var small = 0
    /// Of those that come in large ones.
    var large = 0

    static func + (left: Self, right: Self) -> Self {
      Self(small: left.small + right.small, large: left.large + right.large)
    }
    static func - (left: Self, right: Self) -> Self {
      Self(small: left.small - right.small, large: left.large - right.large)
    }
    /// As many times as much.
    func scaled(by scale: Double) -> Self {
      Self(small: Int(Double(small) * scale), large: Int(Double(large) * scale))
    }
  }

  private struct Block {
    var capacity: Int
    var owners: Int
  }

  /// Blocks that wait, the one that came first in front, and their bytes.
  private var waiting: [Int] = []
  private var idle = 0
  private var blocks: [Block] = []
  private var unused: [Int] = []
  private var live = 0
  /// Bytes of blocks that the allocator keeps itself, and the most that there were: it gives nothing back.
  private var (little, mostLittle) = (0, 0)
  private let limit: Int
  /// What was asked for so far.
  private(set) var fresh = Fresh()
  /// The most bytes since it was set.
  var peak = 0

  /// An empty pool that keeps up to `limit` bytes.
  init(limit: Int) { self.limit = limit }

  /// Bytes that are used or wait.
  var resident: Int { live + idle + mostLittle }

  /// A block of so many bytes.
  mutating func take(_ byteCount: Int) -> Int {
    var capacity = byteCount
    if byteCount < MemoryPoolRules.smallest {
      little += byteCount
      fresh.small += max(0, little - mostLittle)
      mostLittle = max(mostLittle, little)
    } else {
      var best: Int?
      for (index, block) in waiting.enumerated()
      where block >= byteCount && block - byteCount <= byteCount / 8 {
        if best.map({ block < waiting[$0] }) ?? true { best = index }
        if block == byteCount { break }
      }
      if let best {
        capacity = waiting.remove(at: best)
        idle -= capacity
      } else if byteCount < MemoryPoolRules.large {
        fresh.small += byteCount
      } else {
        fresh.large += byteCount
      }
      live += capacity
    }
    peak = max(peak, resident)
    let block = Block(capacity: capacity, owners: 1)
    if let index = unused.popLast() {
      blocks[index] = block
      return index
    }
    blocks.append(block)
    return blocks.count - 1
  }

  /// One more value in the same memory.
  mutating func retain(_ index: Int) { blocks[index].owners += 1 }

  /// One value fewer; the last one gives the block back.
  mutating func release(_ index: Int) {
    blocks[index].owners -= 1
    guard blocks[index].owners == 0 else { return }
    unused.append(index)
    let capacity = blocks[index].capacity
    if capacity < MemoryPoolRules.smallest {
      little -= capacity
      return
    }
    live -= capacity
    if capacity > limit { return }
    waiting.append(capacity)
    idle += capacity
    while idle > limit { idle -= waiting.removeFirst() }
  }

  /// Takes a block and gives it back.
  mutating func borrow(_ byteCount: Int) {
    if byteCount > 0 { release(take(byteCount)) }
  }
}
