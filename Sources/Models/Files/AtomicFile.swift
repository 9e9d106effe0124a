internal import Foundation

/// A file that appears under its name only when it is complete.
///
/// Bytes go to a temporary name in the same folder; `commit` makes them durable and renames the file. Without
/// `commit` the temporary file is removed and what had the name before is untouched.
package struct AtomicFile: ~Copyable {
  /// The final name.
  package let path: String
  private let temporaryPath: String
  private let descriptor: Int32
  private var isFinished = false
  /// Bytes written so far.
  package private(set) var count = 0

  /// Creates the temporary file beside `path`. Throws `notWritten`.
  package init(path: String) throws(ModelError) {
    self.path = path
    let (folder, name) = (FilePath.parent(of: path), FilePath.name(of: path))
    var number = 0
    while true {
      let candidate = "\(folder)/.\(name).\(getpid()).\(number).partial"
      let result = open(candidate, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0o666)
      if result >= 0 {
        (temporaryPath, descriptor) = (candidate, result)
        return
      }
      guard errno == EEXIST, number < 1000 else {
        throw .notWritten(path: path, reason: String(cString: strerror(errno)))
      }
      number += 1
    }
  }

  /// Appends `bytes`. Throws `notWritten`, for instance when the disk is full.
  package mutating func write(_ bytes: UnsafeRawBufferPointer) throws(ModelError) {
    var rest = bytes
    while let start = rest.baseAddress, !rest.isEmpty {
      let written = Foundation.write(descriptor, start, rest.count)
      if written < 0 {
        if errno == EINTR { continue }
        throw .notWritten(path: path, reason: String(cString: strerror(errno)))
      }
      rest = UnsafeRawBufferPointer(rebasing: rest[written...])
      count += written
    }
  }

  /// Appends the bytes of `data`.
  mutating func write(_ data: Data) throws(ModelError) {
    let bytes = SharedBytes(data)
    try bytes.withBytes { buffer throws(ModelError) in try self.write(buffer) }
  }

  /// Appends zeros until the size is a multiple of `alignment`.
  mutating func pad(to alignment: Int) throws(ModelError) {
    let missing = (alignment - count % alignment) % alignment
    try write(Data(count: missing))
  }

  /// Waits until the bytes are on disk and gives the file its name, replacing what had it before.
  package consuming func commit() throws(ModelError) {
    guard fsync(descriptor) == 0, rename(temporaryPath, path) == 0 else {
      throw .notWritten(path: path, reason: String(cString: strerror(errno)))
    }
    isFinished = true
    // The rename itself is on disk only when the folder is; a file system that cannot do that is not an error.
    let folderDescriptor = open(FilePath.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if folderDescriptor >= 0 {
      fsync(folderDescriptor)
      close(folderDescriptor)
    }
  }

  deinit {
    close(descriptor)
    if !isFinished { unlink(temporaryPath) }
  }
}
