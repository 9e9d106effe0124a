internal import JSON

/// A value of a tokenizer file with its place in it, so that every error can name both.
struct JSONPart: Sendable {
  let value: JSONValue
  /// Where the value is, such as `pre_tokenizer.pretokenizers[0]`.
  let place: String
  /// The file.
  let path: String

  func malformed(_ reason: String) -> TokenizationError { .malformed(path: path, place: place, reason: reason) }

  func unsupported(_ reason: String) -> TokenizationError { .unsupported(path: path, place: place, reason: reason) }

  /// The member `key`, nil if it is missing or null. Throws `malformed` unless this is an object.
  func member(_ key: String) throws(TokenizationError) -> JSONPart? {
    guard case .object = value else { throw malformed("an object is expected, not \(value.kind)") }
    guard let found = value[key], found != .null else { return nil }
    return JSONPart(value: found, place: place == "the file" ? key : "\(place).\(key)", path: path)
  }

  /// The member `key`. Throws `malformed` if there is none.
  func required(_ key: String) throws(TokenizationError) -> JSONPart {
    guard let found = try member(key) else { throw malformed("'\(key)' is missing") }
    return found
  }

  /// Throws `unsupported` if there is a member of another name: it could change the meaning.
  func allowOnly(_ keys: String...) throws(TokenizationError) {
    guard case .object(let members) = value else { throw malformed("an object is expected, not \(value.kind)") }
    for member in members {
      guard keys.contains(member.name) else { throw unsupported("the key '\(member.name)'") }
    }
  }

  /// The elements of an array.
  func elements() throws(TokenizationError) -> [JSONPart] {
    guard case .array(let values) = value else { throw malformed("an array is expected, not \(value.kind)") }
    return values.enumerated().map { JSONPart(value: $1, place: "\(place)[\($0)]", path: path) }
  }

  /// The bytes of a string.
  func bytes() throws(TokenizationError) -> ArraySlice<UInt8> {
    guard case .string(let bytes) = value else { throw malformed("a string is expected, not \(value.kind)") }
    return bytes
  }

  /// A string.
  func string() throws(TokenizationError) -> String { String(decoding: try bytes(), as: UTF8.self) }

  /// True or false.
  func bool() throws(TokenizationError) -> Bool {
    guard case .bool(let bool) = value else { throw malformed("true or false is expected, not \(value.kind)") }
    return bool
  }

  /// The member `key` as true or false; `fallback` if it is missing.
  func flag(_ key: String, default fallback: Bool) throws(TokenizationError) -> Bool {
    try member(key)?.bool() ?? fallback
  }

  /// Whether a number is zero.
  func isZero() throws(TokenizationError) -> Bool {
    if case .integer(let number) = value { return number == 0 }
    if case .number(let number) = value { return number == 0 }
    throw malformed("a number is expected, not \(value.kind)")
  }

  /// The id of a token: 0 to 2^31 - 1.
  func id() throws(TokenizationError) -> Int32 {
    guard case .integer(let number) = value, let id = Int32(exactly: number), id >= 0 else {
      throw malformed("the id of a token is expected, 0 to \(Int32.max), not \(value.kind)")
    }
    return id
  }
}
