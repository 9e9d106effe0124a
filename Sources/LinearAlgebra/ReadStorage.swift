/// Numbers that never change: an array, or memory that another object keeps alive, such as a window that all ranks of a node
/// map.
public struct ReadStorage<Element: BitwiseCopyable & Equatable & Sendable>: @unchecked Sendable {
  @usableFromInline enum Place {
    case array([Element])
    case memory(UnsafeBufferPointer<Element>, owner: AnyObject)
  }

  @usableFromInline let place: Place

  /// The numbers of an array, shared with it.
  public init(_ array: [Element]) { place = .array(array) }

  /// Numbers in memory that `owner` keeps alive and that nobody writes to from now on.
  public init(_ memory: UnsafeBufferPointer<Element>, owner: AnyObject) { place = .memory(memory, owner: owner) }

  /// Calls `body` with the numbers.
  @inlinable public func withUnsafeBufferPointer<Result, E: Error>(
    _ body: (UnsafeBufferPointer<Element>) throws(E) -> Result
  ) throws(E) -> Result {
    switch place {
    case .array(let array): return try array.withUnsafeBufferPointer(body)
    case .memory(let memory, let owner):
      defer { withExtendedLifetime(owner) {} }
      return try body(memory)
    }
  }
}

extension ReadStorage: RandomAccessCollection {
  /// The first index, 0.
  @inlinable public var startIndex: Int { 0 }

  /// The number of elements.
  @inlinable public var endIndex: Int {
    switch place {
    case .array(let array): array.count
    case .memory(let memory, _): memory.count
    }
  }

  /// The number at `index`; traps outside of the storage.
  @inlinable public subscript(_ index: Int) -> Element {
    switch place {
    case .array(let array): return array[index]
    case .memory(let memory, _):
      precondition(memory.indices.contains(index), "index \(index) of \(memory.count)")
      return memory[index]
    }
  }

  /// Calls `body` with the numbers, which are always in one piece.
  public func withContiguousStorageIfAvailable<Result>(
    _ body: (UnsafeBufferPointer<Element>) throws -> Result
  ) rethrows -> Result? {
    try withUnsafeBufferPointer(body)
  }
}

extension ReadStorage: Equatable, ExpressibleByArrayLiteral {
  /// The numbers of the literal.
  public init(arrayLiteral elements: Element...) { self.init(elements) }

  /// Whether both hold the same numbers.
  public static func == (left: ReadStorage, right: ReadStorage) -> Bool { left.elementsEqual(right) }
}

/// Float32 numbers that never change.
public typealias FloatStorage = ReadStorage<Float>
