/// A value of a JSON document (RFC 8259).
///
/// Strings are UTF-8 bytes: a vocabulary has tokens that Swift's `String` takes for equal because they look alike (U+00C5 and
/// U+212B), so strings must not be keys of dictionaries there. Values are equal if their bytes are.
public enum JSONValue: Sendable, Equatable {
  /// A key of an object with its value.
  public struct Member: Sendable, Equatable {
    /// The key, UTF-8.
    public var key: ArraySlice<UInt8>
    /// The value.
    public var value: JSONValue

    /// A key with its value.
    public init(key: ArraySlice<UInt8>, value: JSONValue) { (self.key, self.value) = (key, value) }

    /// The key as a string.
    public var name: String { String(decoding: key, as: UTF8.self) }
  }

  /// Nothing.
  case null
  /// True or false.
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits.
  case integer(Int)
  /// Any other number.
  case number(Double)
  /// A string, UTF-8.
  case string(ArraySlice<UInt8>)
  /// An array.
  case array([JSONValue])
  /// An object: its members in the order of the document.
  case object([Member])

  /// What kind of value it is, for messages.
  public var kind: String {
    switch self {
    case .null: "null"
    case .bool: "true or false"
    case .integer(let value): "the number \(value)"
    case .number(let value): "the number \(value)"
    case .string: "a string"
    case .array(let values): "an array of \(values.count)"
    case .object: "an object"
    }
  }

  /// The string; nil for another value.
  public var text: String? {
    guard case .string(let bytes) = self else { return nil }
    return String(decoding: bytes, as: UTF8.self)
  }

  /// The integers of an array; nil for another value, or an array of others.
  public var integers: [Int]? {
    guard case .array(let values) = self else { return nil }
    var integers: [Int] = []
    for value in values {
      guard case .integer(let integer) = value else { return nil }
      integers.append(integer)
    }
    return integers
  }

  /// The value of an object's member; nil if there is none, or for another value. Of a key that is repeated the last one counts,
  /// as in other readers.
  public subscript(_ key: String) -> JSONValue? {
    guard case .object(let members) = self else { return nil }
    return members.last { $0.key.elementsEqual(key.utf8) }?.value
  }
}

extension JSONValue: CustomStringConvertible {
  /// The value on one line, a string in quotes.
  public var description: String {
    switch self {
    case .null: "null"
    case .bool(let value): "\(value)"
    case .integer(let value): "\(value)"
    case .number(let value): "\(value)"
    case .string: text!.debugDescription
    case .array(let values): "[\(values.map(\.description).joined(separator: ", "))]"
    case .object(let members):
      "{\(members.map { "\($0.name.debugDescription): \($0.value)" }.joined(separator: ", "))}"
    }
  }
}
