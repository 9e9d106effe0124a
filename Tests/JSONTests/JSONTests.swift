import JSON
import Testing

/// Reading JSON documents, good and bad.
@Suite("JSON")
struct JSONTests {
  private func parse(_ text: String) throws(JSONError) -> JSONValue { try JSONValue(parsing: Array(text.utf8)) }

  @Test("values of all kinds are read, with space between them")
  func values() throws {
    let value = try parse(
      " {\"n\" : null,\t\"t\":true,\r\n\"f\": false, \"i\": -12, \"d\": 1.5e2, \"s\": \"x\", \"a\": [1, [], {}] } ")
    #expect(value["n"] == .null)
    #expect(value["t"] == true && value["f"] == false)
    #expect(value["i"] == -12 && value["d"] == 150.0 && value["s"] == "x")
    #expect(value["a"] == .array([1, .array([]), .object([])]))
    #expect(value["missing"] == nil && value["s"]?["x"] == nil)
    #expect(value["s"]?.text == "x" && value["i"]?.text == nil)
    #expect(value.kind == "an object" && value["a"]?.kind == "an array of 3")
  }

  @Test(
    "numbers keep their kind: integers of 64 bits, all others as double precision",
    arguments: [
      ("0", 0), ("-0", 0), ("9223372036854775807", 9_223_372_036_854_775_807), ("10000", 10000),
      ("9223372036854775808", .number(9_223_372_036_854_775_808)), ("1.0", .number(1)), ("1E2", .number(100)),
      ("-2.5e-1", .number(-0.25)), ("1e-999", .number(0)),
      ("1000000000000000019884624838656", .number(1e30)),
    ] as [(String, JSONValue)])
  func numbers(text: String, expected: JSONValue) throws { #expect(try parse(text) == expected) }

  @Test(
    "strings are bytes: escapes, surrogate pairs, and letters that only look alike",
    arguments: [
      (#""\"\\\/\b\f\n\r\t""#, "\"\\/\u{8}\u{C}\n\r\t"), (#""\u0041\u00e9""#, "Aé"), (#""\ud83d\ude00""#, "😀"),
      (#""é😀""#, "é😀"), (#""""#, ""), (#""\u0000""#, "\u{0}"),
    ])
  func strings(text: String, expected: String) throws {
    #expect(try parse(text) == .string(Array(expected.utf8)[...]))
  }

  @Test("keys that Swift's strings take for equal are two keys; of the same key twice the last one counts")
  func keys() throws {
    let value = try parse("{\"\u{C5}\": 1, \"\u{212B}\": 2, \"a\": 3, \"a\": 4}")
    guard case .object(let members) = value else {
      Issue.record("no object")
      return
    }
    #expect(members.map(\.value) == [1, 2, 3, 4])
    #expect(value["\u{C5}"] == 1 && value["\u{212B}"] == 2 && value["a"] == 4)
    let angstroms = members.prefix(2)
    #expect(angstroms[0].key != angstroms[1].key)
  }

  @Test("arrays of integers")
  func integers() throws {
    #expect(try parse("[1, -2]").integers == [1, -2])
    #expect(try parse("[]").integers == [])
    #expect(try parse("[1.0]").integers == nil && parse("1").integers == nil && parse("[\"1\"]").integers == nil)
  }

  @Test("a description is JSON on one line")
  func description() throws {
    #expect(try parse("{\"a\":[1,2.5,\"x\\\"\",null,true]}").description == #"{"a": [1, 2.5, "x\"", null, true]}"#)
  }

  @Test(
    "what is not JSON is refused with the place of the first byte that does not fit",
    arguments: [
      ("", 0), ("  ", 2), ("{", 1), ("[1,]", 3), ("[1 2]", 3), ("{\"a\" 1}", 5), ("{\"a\":1,}", 7), ("{a: 1}", 1),
      ("nul", 0), ("True", 0), ("NaN", 0), ("Infinity", 0), ("01", 0), ("-", 1), ("1.", 2), (".5", 0), ("1e", 2),
      ("+1", 0), ("1 2", 2), ("'a'", 0), ("\"a", 2), ("\"\\x\"", 3), ("\"\\u12\"", 3), ("\"\\u+123\"", 3),
      ("\"\\ud83d\"", 7), ("\"\\ude00\"", 7), ("\"\\ud83d\\u0041\"", 13), ("\"\n\"", 1), ("// no\n1", 0),
      ("\u{FEFF}1", 0), ("1e999", 5),
    ])
  func malformed(text: String, offset: Int) {
    let error = #expect(throws: JSONError.self) { try parse(text) }
    #expect(error?.offset == offset, "\(text): \(error?.description ?? "")")
  }

  @Test(
    "bytes that are not UTF-8 are refused",
    arguments: [[0x22, 0xFF, 0x22], [0x22, 0xC3, 0x22], [0x22, 0xED, 0xA0, 0x80, 0x22]])
  func encoding(bytes: [UInt8]) {
    let error = #expect(throws: JSONError.self) { try JSONValue(parsing: bytes) }
    #expect(error?.offset == 1 && error?.reason == "it is not UTF-8")
  }

  @Test("nesting that could exhaust the stack is refused")
  func depth() throws {
    func nested(_ depth: Int) -> String {
      String(repeating: "[", count: depth) + String(repeating: "]", count: depth)
    }
    _ = try parse(nested(64))
    #expect(throws: JSONError.self) { try parse(nested(65)) }
    #expect(throws: JSONError.self) { try parse(String(repeating: "{\"a\":", count: 1_000_000)) }
  }
}
