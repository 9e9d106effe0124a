internal import Foundation

/// The text of a model's `config.json`, which is kept as it is but for what is added.
struct ConfigurationFile: Sendable {
  let path: String
  private let text: String
  /// The type in which the model's weights are loaded, if the file says.
  let floatType: FloatType?

  private struct Content: Decodable {
    struct Anything: Decodable {
      init(from decoder: any Decoder) {}
    }
    var dtype: String?
    var torchDtype: String?
    var quantization: Anything?
    var compression: Anything?

    enum CodingKeys: String, CodingKey {
      case dtype
      case torchDtype = "torch_dtype"
      case quantization = "quantization_config"
      case compression = "compression_config"
    }
  }

  /// Reads `config.json` of `folder`. Throws if it is no JSON object, or says that the model is quantized.
  init(folder: String) throws(ModelError) {
    path = folder + "/config.json"
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    let data = file.data
    let content: Content
    do {
      content = try JSONDecoder().decode(Content.self, from: data)
    } catch {
      throw .malformed(path: path, reason: "it is not a model's configuration (\(error))")
    }
    guard content.quantization == nil, content.compression == nil else {
      throw .unsupported(
        path: path, reason: "the model is quantized already (quantization_config); give the original model")
    }
    guard let text = String(bytes: data, encoding: .utf8) else {
      throw .malformed(path: path, reason: "it is not UTF-8")
    }
    self.text = text
    floatType = (content.dtype ?? content.torchDtype).flatMap { FloatType(rawValue: $0) }
  }

  /// The file with `quantization_config` as its last key.
  func adding(quantization: String) -> String {
    // The decoder has made sure that the text ends with an object.
    let end = text.lastIndex(of: "}")!
    var before = text[..<end]
    while let last = before.last, last.isWhitespace { before.removeLast() }
    let comma = before.last == "{" ? "" : ","
    return "\(before)\(comma)\n  \"quantization_config\": \(quantization)\n}\n"
  }
}
