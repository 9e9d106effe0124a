import Foundation

/// What is done to text before it is cut into words.
indirect enum Normalizer: Sendable {
  case sequence([Normalizer])
  case form(UnicodeForm)
  case lowercase
  case strip(left: Bool, right: Bool)
  case stripAccents
  case prepend(String)
  case replace(Pattern, String)

  /// A normalization form of Unicode.
  enum UnicodeForm: String, Sendable { case nfc = "NFC", nfd = "NFD", nfkc = "NFKC", nfkd = "NFKD" }

  /// Reads a normalizer of a tokenizer file. Throws for kinds that are not known.
  static func read(_ part: JSONPart) throws(TokenizationError) -> Normalizer {
    let type = try part.required("type").string()
    switch type {
    case "Sequence":
      try part.allowOnly("type", "normalizers")
      var all: [Normalizer] = []
      for element in try part.required("normalizers").elements() { all.append(try read(element)) }
      return .sequence(all)
    case "NFC", "NFD", "NFKC", "NFKD": return .form(UnicodeForm(rawValue: type)!)
    case "Lowercase": return .lowercase
    case "Strip":
      return .strip(
        left: try part.flag("strip_left", default: true), right: try part.flag("strip_right", default: true))
    case "StripAccents": return .stripAccents
    case "Prepend":
      try part.allowOnly("type", "prepend")
      return .prepend(try part.required("prepend").string())
    case "Replace":
      try part.allowOnly("type", "pattern", "content")
      return .replace(try Pattern.read(try part.required("pattern")), try part.required("content").string())
    default: throw part.unsupported("the normalizer '\(type)'")
    }
  }

  /// The normalized text.
  func apply(_ text: String) throws(TokenizationError) -> String {
    switch self {
    case .sequence(let all):
      var text = text
      for normalizer in all { text = try normalizer.apply(text) }
      return text
    case .form(let form):
      switch form {
      case .nfc: return text.precomposedStringWithCanonicalMapping
      case .nfd: return text.decomposedStringWithCanonicalMapping
      case .nfkc: return text.precomposedStringWithCompatibilityMapping
      case .nfkd: return text.decomposedStringWithCompatibilityMapping
      }
    case .lowercase: return text.lowercased()
    case .strip(let left, let right):
      var scalars = Substring(text).unicodeScalars
      if left { scalars = scalars.drop { $0.properties.isWhitespace } }
      if right { while scalars.last?.properties.isWhitespace == true { scalars.removeLast() } }
      return String(scalars)
    case .stripAccents:
      return String(
        String.UnicodeScalarView(text.unicodeScalars.filter { $0.properties.generalCategory != .nonspacingMark }))
    case .prepend(let prefix): return text.isEmpty ? text : prefix + text
    case .replace(let pattern, let content):
      let bytes = Array(text.utf8)
      var result: [UInt8] = []
      var next = 0
      for match in try pattern.matches(in: bytes) {
        result += bytes[next..<match.lowerBound]
        result += content.utf8
        next = match.upperBound
      }
      return String(decoding: result + bytes[next...], as: UTF8.self)
    }
  }
}
