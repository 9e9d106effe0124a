internal import CPCRE2

/// A compiled regular expression over UTF-8 (PCRE2), or a literal string to look for.
///
/// `\s` means Unicode's White_Space, as in the expressions' own dialect (Oniguruma), everywhere but in `[\S]`.
final class Pattern: @unchecked Sendable {
  // Never changes after it was made; PCRE2 allows concurrent matches with a code.
  private let code: OpaquePointer?
  private let literal: [UInt8]
  /// The expression or the string.
  let source: String

  /// Unicode's White_Space as the inside of a character class.
  private static let space =
    #"\x{9}-\x{d}\x{20}\x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"#

  /// Compiles an expression; nil with the reason if it is not one.
  static func compile(_ expression: String) -> (pattern: Pattern?, reason: String) {
    let text = Array(translated(expression).utf8)
    var (error, offset) = (Int32(0), 0)
    let code = pcre2_compile_8(text, text.count, PCRE2_UTF | PCRE2_UCP, &error, &offset, nil)
    guard let code else {
      var message = [UInt8](repeating: 0, count: 256)
      let length = pcre2_get_error_message_8(error, &message, message.count)
      return (nil, "\(String(decoding: message.prefix(max(0, Int(length))), as: UTF8.self)) at \(offset)")
    }
    _ = pcre2_jit_compile_8(code, UInt32(PCRE2_JIT_COMPLETE))
    return (Pattern(code: code, literal: [], source: expression), "")
  }

  /// A pattern that finds `literal` itself.
  static func literal(_ literal: String) -> Pattern {
    Pattern(code: nil, literal: Array(literal.utf8), source: literal)
  }

  private init(code: OpaquePointer?, literal: [UInt8], source: String) {
    (self.code, self.literal, self.source) = (code, literal, source)
  }

  deinit { if let code { pcre2_code_free_8(code) } }

  private static func translated(_ expression: String) -> String {
    var result = ""
    var (escaped, inClass) = (false, false)
    for character in expression.unicodeScalars {
      if escaped {
        escaped = false
        switch character {
        case "s": result += inClass ? space : "[\(space)]"
        case "S" where !inClass: result += "[^\(space)]"
        default:
          result += "\\"
          result.unicodeScalars.append(character)
        }
        continue
      }
      switch character {
      case "\\": escaped = true
      case "[": (inClass, result) = (true, result + "[")
      case "]": (inClass, result) = (false, result + "]")
      default: result.unicodeScalars.append(character)
      }
    }
    return escaped ? result + "\\" : result
  }

  /// The places where the pattern matches, one behind the other; empty matches are left out.
  ///
  /// - Throws: `TokenizationError.notMatched` when the library gives up.
  func matches(in text: [UInt8]) throws(TokenizationError) -> [Range<Int>] {
    guard let code else { return literalMatches(in: text) }
    guard let data = pcre2_match_data_create_8(1, nil) else {
      throw .notMatched(pattern: source, reason: "no memory")
    }
    defer { pcre2_match_data_free_8(data) }
    var found: [Range<Int>] = []
    var (start, failure) = (0, Int32(0))
    text.withUnsafeBufferPointer { buffer in
      guard let base = buffer.baseAddress else { return }
      while start <= buffer.count {
        // UTF-8 is checked once for the whole text: Swift's strings are always valid.
        let result = pcre2_match_8(code, base, buffer.count, start, UInt32(PCRE2_NO_UTF_CHECK), data, nil)
        guard result > 0 else {
          if result != PCRE2_ERROR_NOMATCH { failure = result }
          return
        }
        let offsets = pcre2_get_ovector_pointer_8(data)!
        let (first, end) = (offsets[0], offsets[1])
        if end > first {
          found.append(first..<end)
          start = end
        } else {
          start = end + 1
          while start < buffer.count, base[start] & 0xC0 == 0x80 { start += 1 }
        }
      }
    }
    if failure != 0 { throw .notMatched(pattern: source, reason: "error \(failure) of PCRE2") }
    return found
  }

  private func literalMatches(in text: [UInt8]) -> [Range<Int>] {
    guard !literal.isEmpty else { return [] }
    var found: [Range<Int>] = []
    var start = 0
    while start + literal.count <= text.count {
      if text[start] == literal[0], text[start..<start + literal.count].elementsEqual(literal) {
        found.append(start..<start + literal.count)
        start += literal.count
      } else {
        start += 1
      }
    }
    return found
  }
}

extension Pattern {
  /// Reads `{"String": ...}`, `{"Regex": ...}` or a plain string.
  static func read(_ part: JSONPart) throws(TokenizationError) -> Pattern {
    if case .string = part.value { return literal(try part.string()) }
    if let text = try part.member("String") { return literal(try text.string()) }
    let regex = try part.required("Regex")
    let (pattern, reason) = compile(try regex.string())
    guard let pattern else { throw regex.malformed("not a regular expression: \(reason)") }
    return pattern
  }
}
