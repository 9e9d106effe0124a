import Foundation
internal import JSON

/// The token ids of a text file, and windows of them.
///
/// A file that ends in `.jsonl` or `.json` has one JSON object per line, with a `text`, or with `messages` whose
/// `content`s are joined by newlines (without a chat template). Each line is a document with the special tokens of the
/// tokenizer's template around it; any other file is one document without them. Documents follow each other.
public struct TextCorpus: Sendable {
  /// All ids, document after document.
  public let ids: [Int32]
  /// Number of documents.
  public let documentCount: Int
  private let path: String

  private static let largestFile = 4 << 30

  /// Reads and encodes a file.
  public init(contentsOf path: String, tokenizer: Tokenizer) throws(TokenizationError) {
    let bytes = try Tokenizer.read(path, largest: Self.largestFile)
    guard let text = String(validating: bytes, as: UTF8.self) else {
      throw .unreadable(path: path, reason: "it is not UTF-8")
    }
    self.path = path
    guard path.hasSuffix(".jsonl") || path.hasSuffix(".json") else {
      (ids, documentCount) = (try tokenizer.encode(text), 1)
      return
    }
    var (ids, count): ([Int32], Int) = ([], 0)
    for (index, line) in bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false).enumerated() {
      guard line.contains(where: { ![0x20, 0x09, 0x0D].contains($0) }) else { continue }
      ids += try tokenizer.encode(try Self.document(line, path: path, number: index + 1), addsSpecialTokens: true)
      count += 1
    }
    (self.ids, documentCount) = (ids, count)
  }

  /// The text of one line of JSON.
  private static func document(
    _ line: ArraySlice<UInt8>, path: String, number: Int
  ) throws(TokenizationError) -> String {
    let value: JSONValue
    do {
      value = try JSONValue(parsing: Array(line))
    } catch {
      throw .malformed(path: path, place: "line \(number), byte \(error.offset)", reason: error.reason)
    }
    let part = JSONPart(value: value, place: "line \(number)", path: path)
    if let text = try part.member("text") { return try text.string() }
    guard let messages = try part.member("messages") else {
      throw part.malformed("neither 'text' nor 'messages' is there")
    }
    var contents: [String] = []
    for message in try messages.elements() { contents.append(try message.required("content").string()) }
    return contents.joined(separator: "\n")
  }

  /// `count` different windows of `length` ids, chosen by `seed`, in the order in which they were drawn; the same on every
  /// machine. Windows lie one behind the other from the first id on.
  ///
  /// - Throws: `TokenizationError.tooShort` when there are fewer windows.
  public func samples(count: Int, length: Int, seed: UInt64) throws(TokenizationError) -> [[Int32]] {
    precondition(count > 0 && length > 0, "\(count) samples of \(length) tokens")
    let windows = ids.count / length
    guard windows >= count else {
      throw .tooShort(path: path, tokens: ids.count, samples: count, length: length)
    }
    var order = [Int](0..<windows)
    var state = seed
    for index in 0..<count {
      // SplitMix64; the bias of a remainder is below 2^-32 here.
      state &+= 0x9E37_79B9_7F4A_7C15
      var z = state
      z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
      z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
      z ^= z >> 31
      order.swapAt(index, index + Int(z % UInt64(windows - index)))
    }
    return order.prefix(count).map { Array(ids[$0 * length..<($0 + 1) * length]) }
  }
}
