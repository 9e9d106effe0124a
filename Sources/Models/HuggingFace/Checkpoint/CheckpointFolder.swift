internal import Foundation

/// A folder that appears under its name only when it is complete.
///
/// Files go to a temporary folder beside it; `commit` makes it durable and renames it. Without `commit` it is removed.
struct CheckpointFolder: ~Copyable {
  /// The final name.
  let path: String
  /// Where files are written until then.
  let temporaryPath: String
  private var isFinished = false

  /// `path` without slashes at its end; throws `notWritten` unless nothing or an empty folder has that name, beside which a
  /// folder can be made.
  static func checked(_ path: String) throws(ModelError) -> String {
    let path = FilePath.withoutTrailingSlashes(path)
    var status = stat()
    if lstat(path, &status) == 0 {
      guard status.st_mode & S_IFMT == S_IFDIR else {
        throw .notWritten(path: path, reason: "something that is no folder has this name; remove it or choose another")
      }
      guard let content = try? FileManager.default.contentsOfDirectory(atPath: path), content.isEmpty else {
        throw .notWritten(path: path, reason: "the folder is not empty; remove it or choose another name")
      }
    }
    let parent = FilePath.parent(of: path)
    guard access(parent, W_OK | X_OK) == 0 else {
      throw .notWritten(path: path, reason: "\(parent): \(String(cString: strerror(errno)))")
    }
    return path
  }

  /// Makes the temporary folder beside `path`. Throws as `checked` does.
  init(path: String) throws(ModelError) {
    let path = try Self.checked(path)
    let temporary = try Self.makeTemporaryFolder(beside: path)
    (self.path, temporaryPath) = (path, temporary)
  }

  private static func makeTemporaryFolder(beside path: String) throws(ModelError) -> String {
    let start = FilePath.parent(of: path) + "/.\(FilePath.name(of: path)).\(getpid())"
    for number in 0..<1000 {
      let candidate = "\(start).\(number).partial"
      if mkdir(candidate, 0o777) == 0 { return candidate }
      if errno != EEXIST { break }
    }
    throw .notWritten(path: path, reason: String(cString: strerror(errno)))
  }

  /// Writes a file of these bytes.
  func write(_ bytes: SharedBytes, to name: String) throws(ModelError) {
    var file = try AtomicFile(path: temporaryPath + "/" + name)
    try bytes.withBytes { buffer throws(ModelError) in try file.write(buffer) }
    try file.commit()
  }

  /// Writes a file of text.
  func write(_ text: String, to name: String) throws(ModelError) {
    try write(SharedBytes(Array(text.utf8)), to: name)
  }

  /// Gives the folder its name. The files in it are on disk already.
  consuming func commit() throws(ModelError) {
    // Fails if something has come into the folder of this name meanwhile.
    guard rename(temporaryPath, path) == 0 else {
      throw .notWritten(path: path, reason: String(cString: strerror(errno)))
    }
    isFinished = true
    let parent = open(FilePath.parent(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
    if parent >= 0 {
      fsync(parent)
      close(parent)
    }
  }

  deinit {
    if !isFinished { try? FileManager.default.removeItem(atPath: temporaryPath) }
  }
}
