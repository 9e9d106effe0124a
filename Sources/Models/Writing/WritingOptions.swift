/// How a quantized model is written; each format reads what it needs.
public struct WritingOptions: Sendable {
  /// The file or folder to write.
  public var path: String
  /// How an ONNX file stores codes.
  public var storage = WeightStorage.int8
  /// How a language model's folder stores codes.
  public var checkpoint = CheckpointOptions()
  /// How the codes were chosen, for the metadata of an ONNX file.
  public var method = ""

  /// Options with every default but the path.
  public init(path: String) { self.path = path }
}
