internal import Foundation
import Graphs

/// Bytes that someone else stores, with what keeps them alive.
///
/// Nobody writes to the bytes while they are shared, so any thread may read them.
struct SharedBytes: @unchecked Sendable {
  private let bytes: UnsafeRawBufferPointer
  private let owner: AnyObject

  /// Borrows `bytes`, valid as long as `owner` lives.
  init(_ bytes: UnsafeRawBufferPointer, owner: AnyObject) { (self.bytes, self.owner) = (bytes, owner) }

  /// Shares `data` where it stands if it is large; copies a few bytes.
  init(_ data: Data) {
    // NSData keeps one address for its whole life, which Data does not promise: small ones are stored inline.
    let object = data as NSData
    bytes = UnsafeRawBufferPointer(start: object.length == 0 ? nil : object.bytes, count: object.length)
    owner = object
  }

  /// A copy of `bytes`.
  init(_ bytes: [UInt8]) { self.init(Data(bytes)) }

  /// The whole of a mapped file.
  init(_ file: MappedFile) { self.init(file.bytes, owner: file) }

  /// The memory of a tensor.
  init(_ storage: TensorStorage) {
    self.init(storage.bytes, owner: storage)
  }

  /// Number of bytes.
  var count: Int { bytes.count }

  /// Part of the bytes, kept alive by the same owner.
  func slice(_ range: Range<Int>) -> SharedBytes {
    SharedBytes(UnsafeRawBufferPointer(rebasing: bytes[range]), owner: owner)
  }

  /// Calls `body` with the bytes.
  func withBytes<R, E: Error>(_ body: (UnsafeRawBufferPointer) throws(E) -> R) throws(E) -> R {
    defer { withExtendedLifetime(owner) {} }
    return try body(bytes)
  }

  /// Lets the system take back the pages of a mapped file; they are read again when they are touched.
  func releasePages() { (owner as? any PageSource)?.release(bytes) }

  /// A copy of the bytes.
  var array: [UInt8] {
    defer { withExtendedLifetime(owner) {} }
    return Array(bytes)
  }

  /// The bytes as the storage of a tensor: borrowed if they are aligned for its elements, else copied.
  func storage(alignment: Int) -> TensorStorage {
    if Int(bitPattern: bytes.baseAddress) % alignment == 0, bytes.count >= 4096 {
      return TensorStorage(borrowing: bytes, owner: owner)
    }
    defer { withExtendedLifetime(owner) {} }
    return TensorStorage(byteCount: bytes.count) { $0.copyMemory(from: bytes) }
  }
}
