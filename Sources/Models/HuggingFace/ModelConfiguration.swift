internal import JSON

/// The keys and values of a `config.json`, or of an object in it.
///
/// A key that is missing or null has the default that its model type gives it, if any.
struct ModelConfiguration: Sendable {
  /// The file, for errors.
  let path: String
  private let values: [String: JSONValue]
  /// What stands for keys that are missing or null.
  private let defaults: [String: JSONValue]
  /// The keys above this object, for errors: empty or such as `rope_scaling.`.
  private let prefix: String

  /// Reads the file at `path`.
  init(contentsOf path: String) throws(ModelError) { try self.init(try MappedFile(path: path)) }

  /// Reads `file`.
  init(_ file: MappedFile) throws(ModelError) {
    let path = file.path
    defer { withExtendedLifetime(file) {} }
    do {
      guard case .object(let members) = try JSONValue(parsing: [UInt8](file.bytes)) else {
        throw JSONError(offset: 0, reason: "an object is expected")
      }
      values = Self.dictionary(members)
    } catch {
      throw .malformed(path: path, reason: "it is not a JSON object: \(error)")
    }
    (self.path, defaults, prefix) = (path, [:], "")
  }

  /// `values` as an object of the file at `path`.
  init(_ values: [String: JSONValue], path: String, prefix: String = "", defaults: [String: JSONValue] = [:]) {
    (self.values, self.path, self.prefix, self.defaults) = (values, path, prefix, defaults)
  }

  /// The members of an object; of a key that is repeated the last one counts.
  private static func dictionary(_ members: [JSONValue.Member]) -> [String: JSONValue] {
    Dictionary(members.map { ($0.name, $0.value) }) { $1 }
  }

  /// The same keys with defaults.
  func with(defaults: [String: JSONValue]) -> ModelConfiguration {
    ModelConfiguration(values, path: path, prefix: prefix, defaults: defaults)
  }

  /// The keys that are there and not null.
  var keys: [String] { values.filter { $0.value != .null }.keys.sorted() }

  /// The value of `key`, nil if it has neither value nor default.
  subscript(_ key: String) -> JSONValue? {
    let value = values[key] ?? .null
    let result = value == .null ? defaults[key] ?? .null : value
    return result == .null ? nil : result
  }

  /// The error for a value that cannot be used.
  func refusal(_ key: String, _ reason: String) -> ModelError {
    .unsupported(path: path, reason: "\(prefix)\(key) is \(self[key] ?? .null): \(reason)")
  }

  /// The integer `key`, nil if there is none.
  func optionalInt(_ key: String) throws(ModelError) -> Int? {
    switch self[key] {
    case nil: nil
    case .integer(let value)?: value
    case .number(let value)? where value == value.rounded() && abs(value) < 1e15: Int(value)
    default: throw refusal(key, "an integer is expected")
    }
  }

  /// The number `key`, nil if there is none.
  func optionalNumber(_ key: String) throws(ModelError) -> Double? {
    switch self[key] {
    case nil: nil
    case .integer(let value)?: Double(value)
    case .number(let value)?: value
    default: throw refusal(key, "a number is expected")
    }
  }

  /// The size `key`: an integer of at least 1 that fits 31 bits.
  func size(_ key: String) throws(ModelError) -> Int {
    guard let value = try optionalInt(key) else {
      throw .malformed(path: path, reason: "the key \(prefix)\(key) is missing")
    }
    guard (1..<1 << 31).contains(value) else { throw refusal(key, "a size of at least 1 is expected") }
    return value
  }

  /// The number `key`.
  func number(_ key: String) throws(ModelError) -> Double {
    guard let value = try optionalNumber(key) else {
      throw .malformed(path: path, reason: "the key \(prefix)\(key) is missing")
    }
    return value
  }

  /// The truth value `key`, false if there is none.
  func flag(_ key: String) throws(ModelError) -> Bool {
    switch self[key] {
    case nil: false
    case .bool(let value)?: value
    default: throw refusal(key, "true or false is expected")
    }
  }

  /// The string `key`, nil if there is none.
  func optionalString(_ key: String) throws(ModelError) -> String? {
    switch self[key] {
    case nil: nil
    case .string(let bytes)?: String(decoding: bytes, as: UTF8.self)
    default: throw refusal(key, "a string is expected")
    }
  }

  /// The list of numbers `key`.
  func numbers(_ key: String) throws(ModelError) -> [Double] {
    guard case .array(let values)? = self[key] else { throw refusal(key, "a list of numbers is expected") }
    var numbers: [Double] = []
    for value in values {
      switch value {
      case .integer(let value): numbers.append(Double(value))
      case .number(let value): numbers.append(value)
      default: throw refusal(key, "a list of numbers is expected")
      }
    }
    return numbers
  }

  /// The list of strings `key`, nil if there is none.
  func optionalStrings(_ key: String) throws(ModelError) -> [String]? {
    guard let value = self[key] else { return nil }
    guard case .array(let values) = value else { throw refusal(key, "a list of strings is expected") }
    var strings: [String] = []
    for value in values {
      guard let string = value.text else { throw refusal(key, "a list of strings is expected") }
      strings.append(string)
    }
    return strings
  }

  /// The object `key`, nil if there is none.
  func object(_ key: String) throws(ModelError) -> ModelConfiguration? {
    guard let value = self[key] else { return nil }
    guard case .object(let members) = value else { throw refusal(key, "an object is expected") }
    return ModelConfiguration(Self.dictionary(members), path: path, prefix: "\(prefix)\(key).")
  }
}
