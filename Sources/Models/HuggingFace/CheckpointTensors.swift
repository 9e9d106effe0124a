internal import Foundation
import Graphs

/// The tensors of a model folder: one `model.safetensors`, or several files with an index. Elements stay mapped.
struct CheckpointTensors: Sendable {
  /// The folder.
  let folder: String
  /// All tensors by name.
  private let tensors: [String: Tensor]
  /// The name of the file that holds each tensor.
  let files: [String: String]

  /// Maps the files of `folder`. Throws if there are none, or if one is damaged.
  init(folder: String) throws(ModelError) {
    self.folder = folder
    let single = folder + "/model.safetensors"
    let index = single + ".index.json"
    if FileManager.default.fileExists(atPath: index) {
      (tensors, files) = try Self.sharded(index, folder: folder)
    } else if FileManager.default.fileExists(atPath: single) {
      tensors = try SafetensorsFile.read(single)
      files = tensors.mapValues { _ in "model.safetensors" }
    } else {
      throw .unreadable(
        path: folder,
        reason: "it has neither model.safetensors nor model.safetensors.index.json; save the model with "
          + "safe_serialization=True")
    }
  }

  private struct Index: Decodable {
    var weightMap: [String: String]
    enum CodingKeys: String, CodingKey { case weightMap = "weight_map" }
  }

  private static func sharded(
    _ path: String, folder: String
  ) throws(ModelError) -> ([String: Tensor], [String: String]) {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let map: [String: String]
    do {
      map = try JSONDecoder().decode(Index.self, from: file.data).weightMap
    } catch {
      throw .malformed(path: path, reason: "it is not an index of safetensors files (\(error))")
    }
    var tensors: [String: Tensor] = [:]
    for name in Set(map.values).sorted() {
      guard !name.isEmpty, !name.contains("/"), name != "..", name != "." else {
        throw .malformed(path: path, reason: "\(name.debugDescription) is not the name of a file in the folder")
      }
      for (key, tensor) in try SafetensorsFile.read(folder + "/" + name) where map[key] == name {
        tensors[key] = tensor
      }
    }
    if let missing = map.keys.filter({ tensors[$0] == nil }).min() {
      throw .malformed(path: folder + "/" + map[missing]!, reason: "it does not have the tensor \(missing)")
    }
    return (tensors, map)
  }

  /// The names of all tensors.
  var names: [String] { tensors.keys.sorted() }

  /// Whether there is a tensor `name`.
  func contains(_ name: String) -> Bool { tensors[name] != nil }

  /// The floating-point tensor `name`, which must have `shape`.
  func tensor(_ name: String, shape: [Int]) throws(ModelError) -> Tensor {
    guard let tensor = tensors[name] else {
      throw .malformed(path: folder, reason: "the tensor \(name), which config.json asks for, is in none of the files")
    }
    let path = folder + "/" + files[name]!
    guard tensor.shape == shape else {
      throw .malformed(path: path, reason: "tensor \(name) is \(tensor.shape), config.json asks for \(shape)")
    }
    guard tensor.elementType == .float32 || tensor.elementType.isHalf else {
      throw .unsupported(
        path: path,
        reason: "tensor \(name) has elements of type \(tensor.elementType); bfloat16, float16 and float32 can be read")
    }
    return tensor
  }
}
