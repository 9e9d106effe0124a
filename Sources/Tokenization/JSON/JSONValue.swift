/// A value of a JSON document. Strings are UTF-8 bytes: a vocabulary has tokens that Swift's `String` takes for equal
/// because they look alike (U+00C5 and U+212B), so strings must not be keys of dictionaries here.
enum JSONValue: Sendable {
  case null
  case bool(Bool)
  /// A number without fraction or exponent that fits 64 bits.
  case integer(Int)
  case number(Double)
  case string(ArraySlice<UInt8>)
  case array([JSONValue])
  /// Members in the order of the file.
  case object([(key: ArraySlice<UInt8>, value: JSONValue)])

  /// What kind of value it is, for messages.
  var kind: String {
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
}
