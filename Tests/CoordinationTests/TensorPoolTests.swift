import Foundation
import Graphs
import Testing

@testable import Coordination

/// What is foretold of the memory of tensors.
@Suite("Memory of tensors")
struct TensorPoolTests {
  @Test("blocks are used again for what is as large or a little smaller, and the system is asked for the rest")
  func reuse() {
    var pool = TensorPool(limit: 100 << 20)
    let first = pool.take(1 << 20)
    pool.release(first)
    #expect(pool.resident == 1 << 20)
    let second = pool.take(15 << 16)  // 15/16 of it
    #expect(pool.fresh == .init(small: 1 << 20) && pool.resident == 1 << 20)
    pool.release(second)
    // Half of it would be wasted.
    _ = pool.take(1 << 19)
    #expect(pool.fresh == .init(small: 3 << 19) && pool.resident == 3 << 19)
    _ = pool.take(8 << 20)
    #expect(pool.fresh.large == 8 << 20)
  }

  @Test("what waits longest goes beyond the limit; a block lives as long as a value is in it")
  func limit() {
    var pool = TensorPool(limit: 3 << 20)
    let blocks = [1, 2, 3].map { pool.take($0 << 20) }
    #expect(pool.resident == 6 << 20 && pool.peak == 6 << 20)
    pool.retain(blocks[0])
    pool.release(blocks[0])
    #expect(pool.resident == 6 << 20)
    for block in blocks { pool.release(block) }
    // 3 MiB wait: the last that came.
    #expect(pool.resident == 3 << 20)
    pool.borrow(3 << 20)
    #expect(pool.fresh.small == 6 << 20)
  }

  @Test("small ones are the allocator's, which gives nothing back")
  func little() {
    var pool = TensorPool(limit: 1 << 20)
    let blocks = (0..<4).map { _ in pool.take(1000) }
    for block in blocks { pool.release(block) }
    #expect(pool.resident == 4000)
    pool.borrow(1000)
    #expect(pool.fresh == .init(small: 4000))
  }
}
