/// The text of a model's `config.json`, which is kept as it is but for what is added.
struct ConfigurationFile: Sendable {
  let path: String
  private let text: String
  /// The type in which the model's weights are loaded, if the file says.
  let floatType: FloatType?

  /// Reads `config.json` of `folder`. Throws if it is no JSON object, or says that the model is quantized.
  init(folder: String) throws(ModelError) {
    path = folder + "/config.json"
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let content = try ModelConfiguration(file)
    guard content["quantization_config"] == nil, content["compression_config"] == nil else {
      throw .unsupported(
        path: path, reason: "the model is quantized already (quantization_config); give the original model")
    }
    text = String(decoding: file.bytes, as: UTF8.self)
    var type = try content.optionalString("dtype")
    if type == nil { type = try content.optionalString("torch_dtype") }
    floatType = type.flatMap { FloatType(rawValue: $0) }
  }

  /// The file with `quantization_config` as its last key.
  func adding(quantization: String) -> String {
    // The reader has made sure that the text ends with an object.
    let end = text.lastIndex(of: "}")!
    var before = text[..<end]
    while let last = before.last, last.isWhitespace { before.removeLast() }
    let comma = before.last == "{" ? "" : ","
    return "\(before)\(comma)\n  \"quantization_config\": \(quantization)\n}\n"
  }
}
