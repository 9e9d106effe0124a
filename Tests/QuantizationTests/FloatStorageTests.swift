import LinearAlgebra
import Testing

@Suite("Float storage")
struct FloatStorageTests {
  /// Memory that says when it is gone.
  private final class Owner {
    let memory: UnsafeMutableBufferPointer<Float>
    let onEnd: () -> Void
    init(_ numbers: [Float], onEnd: @escaping () -> Void) {
      memory = .allocate(capacity: numbers.count)
      _ = memory.initialize(from: numbers)
      self.onEnd = onEnd
    }
    deinit {
      memory.deallocate()
      onEnd()
    }
  }

  @Test("numbers are the same in an array and in memory of an owner, which lives as long as they do")
  func places() {
    let numbers: [Float] = [3, -1, 0.5]
    var isGone = false
    do {
      let owner = Owner(numbers) { isGone = true }
      let storage = FloatStorage(UnsafeBufferPointer(owner.memory), owner: owner)
      #expect(storage == FloatStorage(numbers))
      #expect(storage != [3, -1])
      #expect(Array(storage) == numbers)
      #expect(storage.map { $0 * 2 } == [6, -2, 1])
      #expect(storage[1] == -1 && storage.count == 3)
      #expect(storage.withUnsafeBufferPointer { $0.baseAddress } == UnsafePointer(owner.memory.baseAddress))
      #expect(!isGone)
    }
    #expect(isGone)
  }
}
