import Foundation
internal import JSON

/// Text to token ids by the rules of a `tokenizer.json`, as the `tokenizers` library applies them: added tokens,
/// normalizer, pre-tokenizer, byte-pair model, post-processor.
///
/// Truncation and padding that the file may ask for are not applied. A tokenizer never changes; any number of threads may
/// use it.
public struct Tokenizer: Sendable {
  private let added: AddedTokens
  private let normalizer: Normalizer?
  private let preTokenizer: PreTokenizer?
  private let model: BytePairModel
  private let template: Template

  /// Files above this size are refused.
  private static let largestFile = 256 << 20

  /// One more than the largest id that can come out.
  public var idCount: Int { Int(max(model.largestID, added.largestID)) + 1 }

  /// Reads a tokenizer file, or the `tokenizer.json` of a folder.
  ///
  /// - Throws: `TokenizationError` when the file cannot be read, contradicts itself, or asks for what is not supported.
  public init(contentsOf path: String) throws(TokenizationError) {
    var isFolder: ObjCBool = false
    let exists = FileManager.default.fileExists(atPath: path, isDirectory: &isFolder)
    let file = exists && isFolder.boolValue ? path + "/tokenizer.json" : path
    try self.init(bytes: try Self.read(file, largest: Self.largestFile), path: file)
  }

  init(bytes: [UInt8], path: String) throws(TokenizationError) {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: bytes)
    } catch {
      throw .malformed(path: path, place: "byte \(error.offset)", reason: error.reason)
    }
    let root = JSONPart(value: value, place: "the file", path: path)
    normalizer = try root.member("normalizer").map { part throws(TokenizationError) in try Normalizer.read(part) }
    preTokenizer = try root.member("pre_tokenizer").map { part throws(TokenizationError) in try PreTokenizer.read(part)
    }
    model = try BytePairModel(try root.required("model"))
    added = try AddedTokens(try root.member("added_tokens"), normalizer: normalizer)
    template =
      try root.member("post_processor").map { part throws(TokenizationError) in try Template.read(part) } ?? Template()
  }

  static func read(_ path: String, largest: Int) throws(TokenizationError) -> [UInt8] {
    do {
      let data = try Data(contentsOf: URL(fileURLWithPath: path), options: .mappedIfSafe)
      guard data.count <= largest else {
        throw TokenizationError.unreadable(path: path, reason: "it has \(data.count) bytes, more than \(largest)")
      }
      return [UInt8](data)
    } catch let error as TokenizationError {
      throw error
    } catch {
      throw .unreadable(path: path, reason: (error as NSError).localizedDescription)
    }
  }

  /// The ids of a text.
  ///
  /// - Parameter addsSpecialTokens: whether the post-processor puts its tokens around it.
  /// - Complexity: n log n in the longest word; words that return are looked up.
  public func encode(_ text: String, addsSpecialTokens: Bool = false) throws(TokenizationError) -> [Int32] {
    var ids = addsSpecialTokens ? template.before : []
    var cache: [[UInt8]: [Int32]] = [:]
    let bytes = Array(text.utf8)
    for piece in added.split(bytes, isNormalized: false) {
      switch piece {
      case .token(let id): ids.append(id)
      case .text(let range):
        let part = String(decoding: bytes[range], as: UTF8.self)
        let normalized = Array((try normalizer?.apply(part) ?? part).utf8)
        for inner in added.split(normalized, isNormalized: true) {
          switch inner {
          case .token(let id): ids.append(id)
          case .text(let innerRange):
            let isFirst = range.lowerBound == 0 && innerRange.lowerBound == 0
            let word = PreTokenizer.Word(bytes: Array(normalized[innerRange]), isFirst: isFirst)
            for word in try preTokenizer?.apply([word]) ?? [word] {
              if let known = cache[word.bytes] {
                ids += known
                continue
              }
              let found = try model.encode(word.bytes)
              // Long words hardly return.
              if word.bytes.count <= 64 { cache[word.bytes] = found }
              ids += found
            }
          }
        }
      }
    }
    return addsSpecialTokens ? ids + template.after : ids
  }
}
