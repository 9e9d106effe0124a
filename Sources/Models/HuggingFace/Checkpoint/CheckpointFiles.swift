internal import Foundation

/// The names of the files that hold a model folder's weights, and which tensor is in which.
struct CheckpointFiles: Sendable {
  /// The files, sorted.
  let names: [String]
  /// The file of each tensor; nil if there is one file, which holds all.
  private let map: [String: String]?

  /// Whether `file` is where `tensor` is to be read.
  func holds(_ tensor: String, in file: String) -> Bool { map.map { $0[tensor] == file } ?? true }

  /// Throws `malformed` unless all tensors that the index names are among `found`.
  func check(_ found: Set<String>, folder: String) throws(ModelError) {
    guard let map else { return }
    if let missing = map.keys.filter({ !found.contains($0) }).min() {
      throw .malformed(path: folder + "/" + map[missing]!, reason: "it does not have the tensor \(missing)")
    }
  }

  /// Finds `model.safetensors`, or the files that `model.safetensors.index.json` names. Throws if there is neither, or if
  /// the index is damaged.
  init(folder: String) throws(ModelError) {
    let single = folder + "/model.safetensors"
    let index = single + ".index.json"
    guard FileManager.default.fileExists(atPath: index) else {
      guard FileManager.default.fileExists(atPath: single) else {
        throw .unreadable(
          path: folder,
          reason: "it has neither model.safetensors nor model.safetensors.index.json; save the model with "
            + "safe_serialization=True")
      }
      (names, map) = (["model.safetensors"], nil)
      return
    }
    guard let weights = try ModelConfiguration(contentsOf: index).object("weight_map") else {
      throw .malformed(path: index, reason: "it is not an index of safetensors files: the key weight_map is missing")
    }
    var map: [String: String] = [:]
    for tensor in weights.keys { map[tensor] = try weights.optionalString(tensor) }
    names = Set(map.values).sorted()
    self.map = map
    if let name = names.first(where: { $0.isEmpty || $0.contains("/") || $0 == ".." || $0 == "." }) {
      throw .malformed(path: index, reason: "\(name.debugDescription) is not the name of a file in the folder")
    }
  }
}
