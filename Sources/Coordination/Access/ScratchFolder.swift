import Foundation

/// A new folder for files that only this run needs; it and all in it are removed with the last reference.
final class ScratchFolder {
  /// The folder.
  let path: String

  /// Makes a folder in `parent`, or in `TMPDIR`, or in `/tmp`, where there must be room for `byteCount` bytes.
  init(in parent: String?, byteCount: Int) throws(CoordinationError) {
    let environment = ProcessInfo.processInfo.environment["TMPDIR"] ?? ""
    let parent = parent ?? (environment.isEmpty ? "/tmp" : environment)
    var room = statvfs()
    guard statvfs(parent, &room) == 0 else {
      throw .access(path: parent, reason: "no folder can be made there: \(FileProblem.last.reason); see --scratch")
    }
    let free = Int(clamping: UInt64(room.f_bavail) * UInt64(room.f_frsize))
    guard free >= byteCount else {
      throw .access(
        path: parent,
        reason:
          "\(byteCount) bytes that rank 0 sends do not fit the \(free) that are free; name another folder with --scratch"
      )
    }
    var template = Array((parent + "/rankwise-XXXXXX").utf8CString)
    guard let made = mkdtemp(&template) else {
      throw .access(path: parent, reason: "no folder can be made there: \(FileProblem.last.reason); see --scratch")
    }
    path = String(cString: made)
  }

  deinit { try? FileManager.default.removeItem(atPath: path) }
}
