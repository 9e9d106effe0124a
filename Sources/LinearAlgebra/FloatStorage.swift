/// Float32 numbers that never change: an array, or memory that another object keeps alive, such as a window that all ranks
/// of a node map.
public struct FloatStorage: @unchecked Sendable {
  private enum Place {
    case array([Float])
    case memory(UnsafeBufferPointer<Float>, owner: AnyObject)
  }

  private let place: Place

  /// The numbers of an array, shared with it.
  public init(_ array: [Float]) { place = .array(array) }

  /// Numbers in memory that `owner` keeps alive and that nobody writes to from now on.
  public init(_ memory: UnsafeBufferPointer<Float>, owner: AnyObject) { place = .memory(memory, owner: owner) }

  /// Calls `body` with the numbers.
  public func withUnsafeBufferPointer<Result, E: Error>(
    _ body: (UnsafeBufferPointer<Float>) throws(E) -> Result
  ) throws(E) -> Result {
    switch place {
    case .array(let array): return try array.withUnsafeBufferPointer(body)
    case .memory(let memory, let owner):
      defer { withExtendedLifetime(owner) {} }
      return try body(memory)
    }
  }
}

extension FloatStorage: RandomAccessCollection {
  /// The first index, 0.
  public var startIndex: Int { 0 }

  /// The number of elements.
  public var endIndex: Int {
    switch place {
    case .array(let array): array.count
    case .memory(let memory, _): memory.count
    }
  }

  /// The number at `index`; traps outside of the storage.
  public subscript(_ index: Int) -> Float {
    switch place {
    case .array(let array): return array[index]
    case .memory(let memory, _):
      precondition(memory.indices.contains(index), "index \(index) of \(memory.count)")
      return memory[index]
    }
  }

  /// Calls `body` with the numbers, which are always in one piece.
  public func withContiguousStorageIfAvailable<Result>(
    _ body: (UnsafeBufferPointer<Float>) throws -> Result
  ) rethrows -> Result? {
    try withUnsafeBufferPointer(body)
  }
}

extension FloatStorage: Equatable, ExpressibleByArrayLiteral {
  /// The numbers of the literal.
  public init(arrayLiteral elements: Float...) { self.init(elements) }

  /// Whether both hold the same numbers.
  public static func == (left: FloatStorage, right: FloatStorage) -> Bool { left.elementsEqual(right) }
}
