internal import Foundation
import Synchronization

/// The files beside a model that hold tensors too large for it; each is mapped when it is first needed.
final class ExternalFiles: Sendable {
  /// The model's own path, for messages.
  private let modelPath: String
  /// The folder that all data must lie in.
  private let folder: String
  private let files = Mutex<[String: MappedFile]>([:])

  /// External data of the model at `modelPath`.
  init(modelPath: String) {
    self.modelPath = modelPath
    folder = FilePath.parent(of: modelPath)
  }

  /// The file at `location`, a path relative to the model's folder.
  ///
  /// Throws `externalData` if the location leaves the folder, by its text or through a symbolic link.
  func file(at location: String, tensor: String) throws(ModelError) -> MappedFile {
    if let file = files.withLock({ $0[location] }) { return file }
    let refusal = { (reason: String) -> ModelError in
      .externalData(path: self.modelPath, tensor: tensor, reason: reason)
    }
    guard !location.isEmpty, !location.utf8.contains(0) else { throw refusal("no location is given") }
    guard !location.hasPrefix("/") else {
      throw refusal("the location \(location) is absolute; data must lie in the model's folder")
    }
    guard !location.split(separator: "/").contains("..") else {
      throw refusal("the location \(location) leaves the model's folder")
    }
    let path = folder + "/" + location
    guard let root = Self.resolved(folder), let resolved = Self.resolved(path) else {
      throw refusal("\(path): \(String(cString: strerror(errno)))")
    }
    guard resolved.hasPrefix(root == "/" ? root : root + "/") else {
      throw refusal("the location \(location) is a link to \(resolved), outside the model's folder")
    }
    // The resolved path has no links left: one that appears now is an attack and is refused.
    let file: MappedFile
    do {
      file = try MappedFile(path: resolved, followingLinks: false)
    } catch {
      throw refusal(error.description)
    }
    files.withLock { $0[location] = file }
    return file
  }

  /// The absolute path behind all links, or nil with `errno` set.
  private static func resolved(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }
}
