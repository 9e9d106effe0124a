import Foundation

/// A file of a journal, from which layers are read one by one.
final class LayerFile: Sendable {
  private let path: String
  private let descriptor: Int32
  /// Its size.
  let byteCount: Int

  /// Opens the file at `path`.
  init(path: String) throws(CoordinationError) {
    self.path = path
    descriptor = open(path, O_RDONLY | O_CLOEXEC)
    var status = stat()
    guard descriptor >= 0, fstat(descriptor, &status) == 0 else {
      throw .journal(path: path, reason: String(cString: strerror(errno)))
    }
    byteCount = Int(status.st_size)
  }

  deinit { if descriptor >= 0 { close(descriptor) } }

  /// The packed codes of a layer. Throws if they cannot be read or do not fit their checksum.
  func codes(_ layer: JournalEntry.Layer) throws(CoordinationError) -> [UInt8] {
    try read(layer, layer.offset, layer.codeBytes, layer.codeChecksum)
  }

  /// Scales, zero points and bias of a layer.
  func values(_ layer: JournalEntry.Layer) throws(CoordinationError) -> [UInt8] {
    try read(layer, layer.offset + layer.codeBytes, layer.valueBytes, layer.valueChecksum)
  }

  private func read(
    _ layer: JournalEntry.Layer, _ start: Int, _ count: Int, _ checksum: UInt64
  ) throws(CoordinationError) -> [UInt8] {
    guard start >= 0, count >= 0, start <= byteCount, count <= byteCount - start else {
      throw .journal(path: path, reason: "\(layer.name) is not in it; begin again with --restart")
    }
    var failure: Int32 = 0
    let bytes = [UInt8](unsafeUninitializedCapacity: count) { bytes, initialized in
      while initialized < count {
        let got = pread(descriptor, bytes.baseAddress! + initialized, count - initialized, off_t(start + initialized))
        if got < 0, errno == EINTR { continue }
        if got <= 0 {
          failure = got < 0 ? errno : EIO
          return
        }
        initialized += got
      }
    }
    if failure != 0 { throw .journal(path: path, reason: String(cString: strerror(failure))) }
    guard bytes.withUnsafeBytes({ Checksum.of($0) }) == checksum else {
      throw .journal(path: path, reason: "\(layer.name) does not fit its checksum; begin again with --restart")
    }
    return bytes
  }
}
