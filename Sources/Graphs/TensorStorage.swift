/// The memory of one or more tensors: aligned to 64 bytes, written once while it is made, never afterwards.
///
/// Tensors that differ only in shape (Reshape, Squeeze) share one storage. Because nothing writes to it after
/// its initializer returns, it may be read from any thread.
public final class TensorStorage: @unchecked Sendable {
  /// Start of the memory, aligned to `TensorStorage.alignment` unless the memory is borrowed from a mapped file.
  let base: UnsafeMutableRawPointer
  /// Size in bytes.
  public let byteCount: Int
  /// Keeps borrowed memory (a mapped file) alive; nil if this object owns `base`.
  private let owner: AnyObject?
  /// The memory that this object owns, to be given back.
  private let block: MemoryPool.Block?

  /// Bounds the bytes of memory of tensors that are gone that the process keeps for those that come.
  public static func limitIdleMemory(to bytes: Int) { MemoryPool.shared.limit(to: bytes) }

  /// Whether the contents are in a file, so that `releasePages` does something.
  public var isInFile: Bool { owner is any PageSource }

  /// Alignment of owned memory in bytes: one cache line, and the widest vector register.
  public static let alignment = 64

  /// Allocates `byteCount` bytes and lets `fill` write them; bytes that `fill` leaves alone are undefined.
  public init<E: Error>(byteCount: Int, fill: (UnsafeMutableRawBufferPointer) throws(E) -> Void) throws(E) {
    precondition(byteCount >= 0, "a storage of \(byteCount) bytes")
    let block = MemoryPool.shared.take(byteCount: byteCount)
    (base, self.block) = (block.base, block)
    self.byteCount = byteCount
    owner = nil
    try fill(UnsafeMutableRawBufferPointer(start: base, count: byteCount))
  }

  /// Borrows memory that stays valid and unchanged for as long as `owner` lives, such as a file mapped read-only.
  public init(borrowing bytes: UnsafeRawBufferPointer, owner: AnyObject) {
    base = UnsafeMutableRawPointer(mutating: bytes.baseAddress ?? UnsafeRawPointer(bitPattern: 64)!)
    byteCount = bytes.count
    self.owner = owner
    block = nil
  }

  /// Lets the system take back the pages of borrowed memory whose contents are in a file; they are read again when they are
  /// touched. Does nothing for memory of other kinds.
  public func releasePages() { (owner as? any PageSource)?.release(bytes) }

  /// The memory; valid as long as this object lives.
  public var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: base, count: byteCount) }

  deinit {
    if let block { MemoryPool.shared.giveBack(block) }
  }
}
