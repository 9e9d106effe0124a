/// Why a tokenizer cannot be read or a text not encoded.
public enum TokenizationError: Error, Equatable, CustomStringConvertible {
  /// The operating system refuses the file.
  case unreadable(path: String, reason: String)
  /// The file is not JSON, or contradicts itself. `place` is the part of the file, such as `model.merges[3]`.
  case malformed(path: String, place: String, reason: String)
  /// The file uses a part that is not supported here.
  case unsupported(path: String, place: String, reason: String)
  /// A regular expression of the tokenizer gave up on this text.
  case notMatched(pattern: String, reason: String)
  /// The text has a character without a token, and the token for such characters is not in the vocabulary.
  case noUnknownToken(String)

  /// A text has fewer tokens than the samples need.
  case tooShort(path: String, tokens: Int, samples: Int, length: Int)

  /// What is wrong, where, and with which values.
  public var description: String {
    switch self {
    case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
    case .malformed(let path, let place, let reason): "\(path): \(place): \(reason)"
    case .unsupported(let path, let place, let reason): "\(path): \(place): not supported: \(reason)"
    case .notMatched(let pattern, let reason):
      "the tokenizer's regular expression \(pattern.debugDescription) failed on the text: \(reason)"
    case .tooShort(let path, let tokens, let samples, let length):
      "\(path): has \(tokens) tokens, fewer than \(samples) samples of \(length) need; give more text, or fewer or shorter samples"
    case .noUnknownToken(let token):
      "the text has a character without a token, and \(token.debugDescription), which stands for those, is not in the vocabulary"
    }
  }
}
