import Foundation
import Models

/// A new file of known size that is written piece by piece; closed with the last reference.
final class OutputFile {
  private let descriptor: Int32

  /// Makes the file, and the folders that it is in, below `folder`, and sees that there is room for all of it.
  init(_ name: String, in folder: String, size: Int) throws(FileProblem) {
    let path = folder + "/" + name
    do {
      try FileManager.default.createDirectory(
        atPath: FilePath.parent(of: path), withIntermediateDirectories: true,
        attributes: [.posixPermissions: 0o700])
    } catch {
      throw FileProblem(error.localizedDescription)
    }
    descriptor = open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
    guard descriptor >= 0 else { throw .last }
    if size > 0 {
      let code = posix_fallocate(descriptor, 0, size)
      // A file system that cannot promise room says so; it is written to all the same.
      guard [0, EOPNOTSUPP, EINVAL].contains(code) else {
        close(descriptor)
        throw FileProblem(String(cString: strerror(code)))
      }
    }
  }

  deinit { close(descriptor) }

  /// Writes `source` from `offset` on.
  func write(_ source: UnsafeRawBufferPointer, at offset: Int) throws(FileProblem) {
    var done = 0
    while done < source.count {
      let count = pwrite(descriptor, source.baseAddress! + done, source.count - done, offset + done)
      if count < 0, errno == EINTR { continue }
      guard count >= 0 else { throw .last }
      done += count
    }
  }
}
