internal import Foundation
import Graphs

/// A regular file, mapped read-only; unmapped when the last reference goes.
///
/// Pages are read when they are touched. A file that shrinks while it is mapped ends the process with SIGBUS, as
/// with every mapping; input files must stay as they are during a run.
final class MappedFile: Sendable {
  /// The path that was opened.
  let path: String
  /// All bytes of the file; page-aligned, empty for an empty file.
  nonisolated(unsafe) let bytes: UnsafeRawBufferPointer

  /// Maps the file at `path`. Throws `unreadable` if it cannot be opened or is not a regular file.
  init(path: String, followingLinks: Bool = true) throws(ModelError) {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | (followingLinks ? 0 : O_NOFOLLOW))
    guard descriptor >= 0 else { throw .unreadable(path: path, reason: String(cString: strerror(errno))) }
    defer { close(descriptor) }
    var status = stat()
    guard fstat(descriptor, &status) == 0 else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "it is not a regular file") }
    self.path = path
    let count = Int(status.st_size)
    if count == 0 {
      bytes = UnsafeRawBufferPointer(start: nil, count: 0)
      return
    }
    guard let start = mmap(nil, count, PROT_READ, MAP_PRIVATE, descriptor, 0), start != MAP_FAILED else {
      throw .unreadable(path: path, reason: String(cString: strerror(errno)))
    }
    bytes = UnsafeRawBufferPointer(start: start, count: count)
  }

  /// The bytes as `Data` that must not outlive this object.
  var data: Data {
    bytes.baseAddress.map {
      Data(bytesNoCopy: UnsafeMutableRawPointer(mutating: $0), count: bytes.count, deallocator: .none)
    } ?? Data()
  }

  deinit {
    if let start = bytes.baseAddress { munmap(UnsafeMutableRawPointer(mutating: start), bytes.count) }
  }
}

extension MappedFile: PageSource {
  /// Gives back the pages that `part` touches. Corresponds to `madvise` with `MADV_DONTNEED`: nothing is written to a mapped
  /// file, so its pages can always be read again.
  func release(_ part: UnsafeRawBufferPointer) {
    guard let base = part.baseAddress, !part.isEmpty else { return }
    let page = UInt(getpagesize())
    let start = UInt(bitPattern: base) / page * page
    let end = (UInt(bitPattern: base) + UInt(part.count) + page - 1) / page * page
    _ = madvise(UnsafeMutableRawPointer(bitPattern: start), Int(end - start), MADV_DONTNEED)
  }
}
