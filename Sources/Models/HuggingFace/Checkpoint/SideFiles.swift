internal import Foundation

/// The files of a model folder that are carried over: tokenizer, chat template, generation settings, licence, code.
struct SideFiles: Sendable {
  /// The folder.
  let folder: String
  /// Their names, sorted.
  let names: [String]

  /// What holds weights or is written anew.
  private static let weightEndings = [
    ".safetensors", ".bin", ".pt", ".pth", ".ckpt", ".msgpack", ".h5", ".gguf", ".onnx", ".ot", ".index.json",
  ]

  /// Finds the files of `folder`: no folders, no hidden files, no weights.
  ///
  /// Throws `unreadable` for a file that is a link to something outside: whoever made the folder must not choose which
  /// files of this machine are copied. The links of a Hugging Face cache, from `snapshots/*` to `blobs`, are followed.
  init(folder: String) throws(ModelError) {
    self.folder = folder
    let all: [String]
    do {
      all = try FileManager.default.contentsOfDirectory(atPath: folder)
    } catch {
      throw .unreadable(path: folder, reason: "\(error.localizedDescription)")
    }
    var names: [String] = []
    for name in all.sorted() where !name.hasPrefix(".") && name != "config.json" {
      if Self.weightEndings.contains(where: { name.lowercased().hasSuffix($0) }) { continue }
      var status = stat()
      guard stat(folder + "/" + name, &status) == 0 else {
        throw .unreadable(path: folder + "/" + name, reason: String(cString: strerror(errno)))
      }
      guard status.st_mode & S_IFMT == S_IFREG else { continue }
      guard name != "quantize_config.json" else {
        throw .unsupported(path: folder + "/" + name, reason: "the model is quantized already; give the original model")
      }
      guard Self.isInside(name, folder: folder) else {
        throw .unreadable(
          path: folder + "/" + name, reason: "it is a link out of the folder; put the file itself there")
      }
      names.append(name)
    }
    self.names = names
  }

  private static func isInside(_ name: String, folder: String) -> Bool {
    guard let file = realPath(folder + "/" + name), let own = realPath(folder) else { return false }
    if file.hasPrefix(own + "/") { return true }
    let parent = FilePath.parent(of: own)
    guard FilePath.name(of: parent) == "snapshots" else { return false }
    return file.hasPrefix(FilePath.parent(of: parent) + "/blobs/")
  }

  private static func realPath(_ path: String) -> String? {
    guard let resolved = realpath(path, nil) else { return nil }
    defer { free(resolved) }
    return String(cString: resolved)
  }

  /// Copies the files.
  func copy(to target: borrowing CheckpointFolder) throws(ModelError) {
    for name in names {
      try target.write(SharedBytes(try MappedFile(path: folder + "/" + name)), to: name)
    }
  }
}
