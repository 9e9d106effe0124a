import Synchronization

/// An integer in memory of a node that its ranks read and change at any time, without meeting: what a rank wrote before it
/// changed the word, another sees that has read the change.
@safe public struct NodeWord: Sendable {
  private let memory: NodeMemory
  private let offset: Int

  /// The eight bytes at `offset`, a multiple of eight.
  public init(in memory: NodeMemory, at offset: Int) {
    (self.memory, self.offset) = (memory, offset)
    unsafe _ = memory.buffer(of: Int64.self, at: offset, count: 1)
  }

  private func withAtomic<Result>(_ body: (borrowing Atomic<Int64>) -> Result) -> Result {
    let address = unsafe UnsafeMutableRawPointer(memory.buffer(of: Int64.self, at: offset, count: 1).baseAddress!)
    defer { withExtendedLifetime(memory) {} }
    return unsafe body(address.assumingMemoryBound(to: Atomic<Int64>.self).pointee)
  }

  /// The value.
  public func load() -> Int64 { withAtomic { $0.load(ordering: .acquiring) } }

  /// Replaces the value.
  public func store(_ value: Int64) { withAtomic { $0.store(value, ordering: .releasing) } }

  /// Adds to the value, and returns what it was.
  @discardableResult
  public func add(_ value: Int64) -> Int64 {
    withAtomic { $0.wrappingAdd(value, ordering: .acquiringAndReleasing).oldValue }
  }
}
