internal import Foundation
import Graphs

extension HuggingFaceModel {
  /// A model of which only the configuration is there: its graph has weights of the shapes that the lowering asks for, zeros
  /// that take no memory.
  ///
  /// - Parameter path: a `config.json` of any name, or a folder that holds one.
  /// Throws as `init(contentsOf:)` does for what `config.json` says. Weights have the `torch_dtype`, bfloat16 if there is none.
  public init(shapesOf path: String) throws(ModelError) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let configuration = try ModelConfiguration(contentsOf: exists && isFolder.boolValue ? path + "/config.json" : path)
    guard let type = try configuration.optionalString("model_type") else {
      throw .malformed(path: configuration.path, reason: "the key model_type is missing")
    }
    guard let architecture = Architecture.table[type] else {
      let known = Architecture.table.keys.sorted().joined(separator: ", ")
      throw configuration.refusal("model_type", "the model types \(known) can be read")
    }
    let (older, newer) = (try configuration.optionalString("torch_dtype"), try configuration.optionalString("dtype"))
    let dtype = older ?? newer ?? "bfloat16"
    guard let element = ElementType(rawValue: dtype), element == .float32 || element.isHalf else {
      throw configuration.refusal("torch_dtype", "float32, float16 and bfloat16 are known")
    }
    self.path = path
    settings = try DecoderSettings(configuration, architecture)
    (modelType, self.architecture) = (type, architecture)
    tensors = CheckpointTensors(shapesOf: configuration.path, type: element)
    prefix = architecture.prefixes[0]
    let limits = [settings.maximumPositions, settings.rotary?.full.limit, settings.rotary?.window.limit]
    maximumPositions = limits.compactMap(\.self).min()!
    positionLimit = min(maximumPositions, 16384)
    var lowering = DecoderLowering(self, positions: 1)
    _ = try lowering.run(.whole)
  }
}
