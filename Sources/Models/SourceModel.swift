internal import Foundation
import Graphs

/// A model that a front door has read, whatever its format.
public protocol SourceModel: Sendable {
  /// The file or folder that the model was read from.
  var path: String { get }
  /// Format and kind in a few words, such as `operator set 17`.
  var summary: String { get }
  /// The model as a graph: what runs, what has layers.
  func graph() throws(ModelError) -> Graph
  /// How the weights that are stored in fewer bits are stored, by the layers' names.
  func quantizedWeights() -> [String: StoredWeight]
}

extension ONNXModel: SourceModel {
  /// The operator set.
  public var summary: String { "operator set \(opset)" }
}

extension HuggingFaceModel: SourceModel {
  /// The model type.
  public var summary: String { "Hugging Face model of type \(modelType)" }

  /// None: models that are quantized already are refused.
  public func quantizedWeights() -> [String: StoredWeight] { [:] }
}

/// Opens models of all formats.
public enum SourceModels {
  /// Whether the model at `path` is a folder, as Hugging Face saves language models.
  public static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Reads the model at `path`: a folder with `config.json`, or an ONNX file.
  public static func open(_ path: String) throws(ModelError) -> any SourceModel {
    if isFolder(path) { return try HuggingFaceModel(contentsOf: path) }
    return try ONNXModel(contentsOf: path)
  }
}
