import Testing

@testable import Graphs

@Suite("Memory of tensors")
struct MemoryPoolTests {
  @Test("memory that was given back is taken again, unless it is too small or an eighth too large")
  func reuse() {
    let pool = MemoryPool(limit: 64 << 20)
    let size = 8 << 20
    let first = pool.take(byteCount: size)
    #expect(Int(bitPattern: first.base) % TensorStorage.alignment == 0)
    pool.giveBack(first)
    #expect(pool.idleByteCount == size)
    let larger = pool.take(byteCount: size + 1)
    let smaller = pool.take(byteCount: size / 9 * 8 - 8)
    #expect(larger.base != first.base && smaller.base != first.base)
    let fitting = pool.take(byteCount: size - 1000)
    #expect(fitting.base == first.base && fitting.capacity == size)
    #expect(pool.idleByteCount == 0)
    for block in [larger, smaller, fitting] { pool.giveBack(block) }
  }

  @Test("no more memory waits than the limit allows; what waited longest goes first, and small memory never waits")
  func bound() {
    let pool = MemoryPool(limit: 3 << 20)
    let blocks = (0..<4).map { _ in pool.take(byteCount: 1 << 20) }
    for block in blocks { pool.giveBack(block) }
    #expect(pool.idleByteCount == 3 << 20)
    let taken = Set((0..<3).map { _ in pool.take(byteCount: 1 << 20).base })
    #expect(taken == Set(blocks[1...].map(\.base)))
    for base in taken { base.deallocate() }
    pool.giveBack(pool.take(byteCount: 4 << 20))
    pool.giveBack(pool.take(byteCount: MemoryPool.smallest - 1))
    pool.giveBack(pool.take(byteCount: 0))
    #expect(pool.idleByteCount == 0)
  }

  @Test("tensors that live at one time never share memory, whatever the threads")
  func distinct() async {
    let count = MemoryPool.smallest / 4
    let wrong = await withTaskGroup(of: Int.self) { group in
      for task in 0..<4 {
        group.addTask {
          var wrong = 0
          for round in 0..<20 {
            let tensors = (0..<3).map { index in
              Tensor(shape: [count], of: Int32.self) { buffer in
                buffer.update(repeating: Int32(task * 1000 + round * 10 + index))
              }
            }
            for (index, tensor) in tensors.enumerated() {
              let value = Int32(task * 1000 + round * 10 + index)
              tensor.withElements(as: Int32.self) { wrong += $0.count { $0 != value } }
            }
          }
          return wrong
        }
      }
      return await group.reduce(0, +)
    }
    #expect(wrong == 0)
  }
}
