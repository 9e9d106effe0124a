/// How a quantized model is written; each format reads what it needs.
public struct WritingOptions: Sendable {
  /// The file or folder to write.
  public var path: String
  /// Whether a writer sees at once that it can write there. False on ranks that will not: the place may be none on their nodes.
  public var checksPath = true
  /// How an ONNX file stores codes.
  public var storage = WeightStorage.int8
  /// How a language model's folder stores codes.
  public var checkpoint = CheckpointOptions()
  /// How the codes were chosen, for the metadata of an ONNX file.
  public var method = ""

  /// Options with every default but the path.
  public init(path: String) { self.path = path }
}
