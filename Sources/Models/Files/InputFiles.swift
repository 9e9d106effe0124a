internal import Foundation

/// The files that a model or a set of samples is read from: a folder, and the names of files in it.
public struct InputFiles: Sendable, Equatable {
  /// What the names are relative to.
  public let folder: String
  /// Names of files, perhaps within folders of the folder.
  public let names: [String]
  /// Whether the folder itself is what is opened, or the first of the files.
  public let opensFolder: Bool

  /// The files of the model at `path`: of a folder its `config.json`, its index and its safetensors files; of an ONNX model the
  /// file and those of its external data.
  ///
  /// Reads as much of the model as it takes to know. Throws as opening it does.
  public init(model path: String) throws(ModelError) {
    if SourceModels.isFolder(path) {
      let weights = try CheckpointFiles(folder: path).names
      let index = "model.safetensors.index.json"
      let hasIndex = FileManager.default.fileExists(atPath: path + "/" + index)
      self.init(folder: path, names: ["config.json"] + (hasIndex ? [index] : []) + weights, opensFolder: true)
    } else {
      self.init(file: path, others: try ONNXModel(contentsOf: path).externalLocations())
    }
  }

  /// The files of the samples at `path`. Throws if it is a folder without any.
  public init(samples path: String) throws(ModelError) {
    guard SourceModels.isFolder(path) else {
      self.init(file: path, others: [])
      return
    }
    let names = try SampleSet.files(at: path).map { String($0.dropFirst(path.count + 1)) }
    self.init(folder: path, names: names, opensFolder: true)
  }

  /// One file, opened by itself.
  public init(file path: String) { self.init(file: path, others: []) }

  private init(file path: String, others: [String]) {
    self.init(folder: FilePath.parent(of: path), names: [FilePath.name(of: path)] + others, opensFolder: false)
  }

  private init(folder: String, names: [String], opensFolder: Bool) {
    (self.folder, self.names, self.opensFolder) = (folder, names, opensFolder)
  }
}

extension ONNXModel {
  /// Where the tensors outside of the file are, relative to its folder: sorted, without a repetition. Throws `externalData` if one
  /// is missing or leaves the folder.
  fileprivate func externalLocations() throws(ModelError) -> [String] {
    var locations = Set<String>()
    let tensors = graphProto.initializer + graphProto.node.flatMap { node in node.attribute.map(\.t) }
    for tensor in tensors where tensor.dataLocation == .external {
      let location = tensor.externalData.first { $0.key == "location" }?.value ?? ""
      if locations.insert(location).inserted { _ = try external.file(at: location, tensor: tensor.name) }
    }
    return locations.sorted()
  }
}
