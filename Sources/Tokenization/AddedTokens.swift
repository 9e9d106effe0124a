/// Tokens that are found in the text before it is cut into words, such as `<|endoftext|>`.
struct AddedTokens: Sendable {
  private struct Token: Sendable {
    let bytes: [UInt8]
    let id: Int32
    let singleWord: Bool
    let stripsLeft: Bool
    let stripsRight: Bool
  }

  /// A piece of text, or a token.
  enum Piece {
    case text(Range<Int>)
    case token(Int32)
  }

  /// By their first byte, the longest first.
  private var raw: [UInt8: [Token]] = [:]
  private var normalized: [UInt8: [Token]] = [:]
  private(set) var largestID: Int32 = -1

  /// Reads `added_tokens`; `normalizer` changes those that are looked for in normalized text.
  init(_ part: JSONPart?, normalizer: Normalizer?) throws(TokenizationError) {
    for element in try part?.elements() ?? [] {
      let content = try element.required("content").string()
      let id = try element.required("id").id()
      largestID = max(largestID, id)
      let isSpecial = try element.flag("special", default: false)
      let isNormalized = try element.flag("normalized", default: !isSpecial)
      let text = isNormalized ? try normalizer?.apply(content) ?? content : content
      guard !text.isEmpty else { continue }
      let token = Token(
        bytes: Array(text.utf8), id: id, singleWord: try element.flag("single_word", default: false),
        stripsLeft: try element.flag("lstrip", default: false), stripsRight: try element.flag("rstrip", default: false))
      if isNormalized {
        normalized[token.bytes[0], default: []].append(token)
      } else {
        raw[token.bytes[0], default: []].append(token)
      }
    }
    for key in raw.keys { raw[key]!.sort { $0.bytes.count > $1.bytes.count } }
    for key in normalized.keys { normalized[key]!.sort { $0.bytes.count > $1.bytes.count } }
  }

  /// Cuts raw or normalized text at its tokens: at each place the longest.
  func split(_ text: [UInt8], isNormalized: Bool) -> [Piece] {
    let tokens = isNormalized ? normalized : raw
    guard !tokens.isEmpty else { return text.isEmpty ? [] : [.text(0..<text.count)] }
    var pieces: [Piece] = []
    var (next, position) = (0, 0)
    while position < text.count {
      guard let token = tokens[text[position]]?.first(where: { Self.matches($0, text, at: position) }) else {
        position += 1
        continue
      }
      var (start, end) = (position, position + token.bytes.count)
      if token.singleWord, Self.endsInWord(text[..<start]) || Self.beginsWithWord(text[end...]) {
        position = end
        continue
      }
      if token.stripsLeft { start = max(next, Self.trimmedEnd(text[..<start])) }
      if token.stripsRight { end = Self.trimmedStart(text[end...]) }
      if start > next { pieces.append(.text(next..<start)) }
      pieces.append(.token(token.id))
      (next, position) = (end, end)
    }
    if next < text.count { pieces.append(.text(next..<text.count)) }
    return pieces
  }

  private static func matches(_ token: Token, _ text: [UInt8], at position: Int) -> Bool {
    position + token.bytes.count <= text.count
      && text[position..<position + token.bytes.count].elementsEqual(token.bytes)
  }

  private static func isWord(_ scalar: Unicode.Scalar) -> Bool {
    let properties = scalar.properties
    switch properties.generalCategory {
    case .decimalNumber, .connectorPunctuation, .nonspacingMark, .spacingMark, .enclosingMark, .letterNumber:
      return true
    default: return properties.isAlphabetic
    }
  }

  private static func endsInWord(_ text: ArraySlice<UInt8>) -> Bool {
    String(decoding: text.suffix(8), as: UTF8.self).unicodeScalars.last.map(isWord) ?? false
  }

  private static func beginsWithWord(_ text: ArraySlice<UInt8>) -> Bool {
    String(decoding: text.prefix(8), as: UTF8.self).unicodeScalars.first.map(isWord) ?? false
  }

  /// Where the space at the end of `text` begins.
  private static func trimmedEnd(_ text: ArraySlice<UInt8>) -> Int {
    var end = text.endIndex
    while end > text.startIndex {
      var start = end - 1
      while start > text.startIndex, text[start] & 0xC0 == 0x80 { start -= 1 }
      let scalar = String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.first!
      guard scalar.properties.isWhitespace else { break }
      end = start
    }
    return end
  }

  /// Where the space at the beginning of `text` ends.
  private static func trimmedStart(_ text: ArraySlice<UInt8>) -> Int {
    var start = text.startIndex
    while start < text.endIndex {
      var end = start + 1
      while end < text.endIndex, text[end] & 0xC0 == 0x80 { end += 1 }
      let scalar = String(decoding: text[start..<end], as: UTF8.self).unicodeScalars.first!
      guard scalar.properties.isWhitespace else { break }
      start = end
    }
    return start
  }
}
