/// Bytes at a fixed place that the ranks of a node may share. Corresponds to the memory of an `MPI_Win`.
///
/// The ranks agree on who writes what: a byte is written by one rank before `NodeWindow.publish`, and read by the others
/// after it. Memory that is not shared belongs to this process alone.
@safe public final class NodeMemory: @unchecked Sendable {
  /// Number of bytes; the first has an address that is a multiple of `alignment`.
  public let byteCount: Int
  /// Whether other ranks see the same bytes.
  public let isShared: Bool
  private let base: UnsafeMutableRawPointer

  /// What every run of elements should begin at a multiple of: a cache line.
  public static let alignment = 64

  /// Memory of this process alone, zero at first.
  public init(byteCount: Int) {
    precondition(byteCount >= 0, "\(byteCount) bytes")
    (self.byteCount, isShared) = (byteCount, false)
    unsafe base = .allocate(byteCount: max(byteCount, 1), alignment: Self.alignment)
    unsafe base.initializeMemory(as: UInt8.self, repeating: 0, count: byteCount)
  }

  /// Memory of a window, which lives until that is freed.
  init(ofWindow base: UnsafeMutableRawPointer, byteCount: Int) {
    (self.byteCount, isShared) = (byteCount, true)
    unsafe self.base = base
  }

  deinit {
    if !isShared { unsafe base.deallocate() }
  }

  /// Copies `elements` to the bytes from `offset` on.
  public func write<Element: MPIElement>(_ elements: Span<Element>, at offset: Int) {
    let target = unsafe buffer(of: Element.self, at: offset, count: elements.count)
    unsafe elements.withUnsafeBufferPointer { source in
      if !source.isEmpty { unsafe target.baseAddress!.update(from: source.baseAddress!, count: source.count) }
    }
  }

  /// A copy of `count` elements from `offset` on.
  public func read<Element: MPIElement>(_ type: Element.Type = Element.self, at offset: Int, count: Int) -> [Element] {
    unsafe Array(buffer(of: type, at: offset, count: count))
  }

  /// The elements from `offset` on, without a copy: valid while this object lives, and in a window until it is freed.
  @unsafe public func elements<Element: MPIElement>(
    of type: Element.Type = Element.self, at offset: Int, count: Int
  ) -> UnsafeBufferPointer<Element> {
    unsafe UnsafeBufferPointer(buffer(of: type, at: offset, count: count))
  }

  /// The same to write to; the ranks agree on who writes where.
  @unsafe public func mutableElements<Element: MPIElement>(
    of type: Element.Type = Element.self, at offset: Int, count: Int
  ) -> UnsafeMutableBufferPointer<Element> {
    unsafe buffer(of: type, at: offset, count: count)
  }

  /// The memory of `count` elements from `offset` on.
  func buffer<Element: MPIElement>(
    of type: Element.Type, at offset: Int, count: Int
  ) -> UnsafeMutableBufferPointer<Element> {
    let size = count * MemoryLayout<Element>.stride
    precondition(offset >= 0 && count >= 0 && offset + size <= byteCount, "\(size) bytes at \(offset) of \(byteCount)")
    precondition(offset % MemoryLayout<Element>.alignment == 0, "offset \(offset) of elements of \(type)")
    return unsafe UnsafeMutableBufferPointer(
      start: (base + offset).bindMemory(to: type, capacity: count), count: count)
  }
}
