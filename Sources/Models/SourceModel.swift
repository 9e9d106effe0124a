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
  /// Whether its input is token ids.
  var isLanguageModel: Bool { get }
  /// The model in the form in which it is quantized: batch normalizations are part of the convolutions before them.
  func preparedForQuantization() throws(ModelError) -> Self
  /// The model with the products of its layers computed in `type`, float32 or bfloat16; formats without that choice
  /// compute in float32.
  func computing(in type: ElementType) -> Self
  /// The type in which scales will be stored: to be rounded to before codes are chosen for them.
  func scaleType(_ options: WritingOptions) throws(ModelError) -> FloatType
  /// What will write the model with `layers` quantized. Throws if it could not.
  func writer(
    _ layers: [SolvedLayer.Form], _ options: WritingOptions
  ) throws(ModelError) -> any QuantizedModelWriter
}

extension ONNXModel: SourceModel {
  /// The operator set.
  public var summary: String { "operator set \(opset)" }

  /// Samples of any kind.
  public var isLanguageModel: Bool { false }

  /// Folds batch normalizations.
  public func preparedForQuantization() throws(ModelError) -> ONNXModel {
    var model = self
    _ = try model.foldBatchNormalizations()
    return model
  }

  /// The model itself.
  public func computing(in type: ElementType) -> ONNXModel { self }

  /// float32.
  public func scaleType(_ options: WritingOptions) -> FloatType { .float32 }

  /// A writer of an ONNX file.
  public func writer(_ layers: [SolvedLayer.Form], _ options: WritingOptions) -> any QuantizedModelWriter {
    ONNXWriter(model: self, forms: layers, options: options)
  }
}

extension HuggingFaceModel: SourceModel {
  /// The model type.
  public var summary: String { "Hugging Face model of type \(modelType)" }

  /// The weights that the folder has packed.
  public func quantizedWeights() -> [String: StoredWeight] { tensors.packed.mapValues(\.stored) }

  /// Token ids.
  public var isLanguageModel: Bool { true }

  /// The model itself.
  public func preparedForQuantization() -> HuggingFaceModel { self }

  /// Rounds the inputs of Linear layers.
  public func computing(in type: ElementType) -> HuggingFaceModel {
    var model = self
    model.linearInputs = type
    return model
  }

  /// float16 for GPTQ, else the type in which the model is loaded.
  public func scaleType(_ options: WritingOptions) throws(ModelError) -> FloatType {
    try CheckpointWriter.scaleType(source: path, format: options.checkpoint.format)
  }

  /// A writer of a folder.
  public func writer(
    _ layers: [SolvedLayer.Form], _ options: WritingOptions
  ) throws(ModelError) -> any QuantizedModelWriter {
    try HuggingFaceWriter(self, layers, options)
  }
}

/// Opens models of all formats.
public enum SourceModels {
  /// Whether the model at `path` is a folder, as Hugging Face saves language models.
  public static func isFolder(_ path: String) -> Bool {
    var isFolder: ObjCBool = false
    return FileManager.default.fileExists(atPath: path, isDirectory: &isFolder) && isFolder.boolValue
  }

  /// Whether the folder at `path` has files of weights beside its `config.json`.
  public static func hasWeights(_ path: String) -> Bool {
    let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
    return names.contains { $0.hasSuffix(".safetensors") || $0.hasSuffix(".safetensors.index.json") }
  }

  /// Reads the model at `path`: a folder with `config.json`, or an ONNX file.
  public static func open(_ path: String) throws(ModelError) -> any SourceModel {
    if isFolder(path) { return try HuggingFaceModel(contentsOf: path) }
    return try ONNXModel(contentsOf: path)
  }
}
