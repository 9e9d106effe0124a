import Foundation
import Testing

@testable import Tokenization

@Suite("Tokenizers") struct TokenizerTests {
  static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("Fixtures")

  /// A text and its ids, as the `tokenizers` library gives them; `make_fixtures.py` wrote them.
  struct Case: Decodable {
    let text: String
    let ids: [Int32]
    let special: [Int32]
  }

  @Test(
    "texts have the ids of the tokenizers library",
    arguments: ["gpt2", "roberta", "llama3", "qwen2", "digits", "llama2", "metaspace", "gemma"])
  func ids(name: String) throws {
    let tokenizer = try Tokenizer(contentsOf: Self.folder.appendingPathComponent("\(name).json").path)
    let cases = try JSONDecoder().decode(
      [Case].self, from: Data(contentsOf: Self.folder.appendingPathComponent("\(name).ids.json")))
    #expect(cases.count > 40)
    for item in cases {
      #expect(try tokenizer.encode(item.text) == item.ids, "\(item.text.debugDescription)")
      #expect(
        try tokenizer.encode(item.text, addsSpecialTokens: true) == item.special, "\(item.text.debugDescription)")
      #expect(item.special.allSatisfy { $0 < tokenizer.idCount })
    }
  }

  @Test(
    "what is wrong with a file is said with its place",
    arguments: [
      (#"{"model": {"#, "byte 11"),
      (#"{"version": "1.0"}"#, "'model' is missing"),
      (#"{"model": {"type": "Unigram", "vocab": {}, "merges": []}}"#, "model.type: not supported: the model 'Unigram'"),
      (#"{"model": {"vocab": {"a": 99999999999}, "merges": []}}"#, "not the number 99999999999"),
      (#"{"model": {"vocab": {"a": -1}, "merges": []}}"#, "not the number -1"),
      (
        #"{"model": {"vocab": {"a": 1, "b": 2}, "merges": ["a b"]}}"#,
        "model.merges[0]: the merge \"a b\" names a token"
      ),
      (#"{"model": {"vocab": {"a": 1}, "merges": ["a b c"]}}"#, "two tokens with one space"),
      (#"{"model": {"vocab": {"a": 1}, "merges": [], "dropout": 0.1}}"#, "dropout"),
      (#"{"model": {"vocab": {}, "merges": []}, "normalizer": {"type": "Magic"}}"#, "the normalizer 'Magic'"),
      (#"{"model": {"vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Magic"}}"#, "the pre-tokenizer 'Magic'"),
      (#"{"model": {"vocab": {}, "merges": []}, "post_processor": {"type": "Magic"}}"#, "the post-processor 'Magic'"),
      (
        #"{"model": {"vocab": {}, "merges": []}, "pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a"}, "behavior": "Isolated"}}"#,
        "not a regular expression"
      ),
      (
        #"{"model": {"vocab": {}, "merges": []}, "added_tokens": [{"id": 1e3, "content": "x"}]}"#, "added_tokens[0].id"
      ),
    ])
  func malformed(text: String, expected: String) throws {
    let error = #expect(throws: TokenizationError.self) {
      _ = try Tokenizer(bytes: Array(text.utf8), path: "tokenizer.json")
    }
    #expect(error?.description.contains(expected) == true, "\(error?.description ?? "none")")
  }

  @Test("a missing file and a folder without a tokenizer are named")
  func missing() throws {
    let error = #expect(throws: TokenizationError.self) { _ = try Tokenizer(contentsOf: "/nowhere/tokenizer.json") }
    #expect(error?.description.contains("/nowhere/tokenizer.json: cannot be read") == true)
  }

  @Test("a character without a token is an error only where an unknown token is asked for and missing")
  func unknown() throws {
    func tokenizer(_ more: String) throws -> Tokenizer {
      let text = #"{"model": {"vocab": {"a": 0, "b": 1, "ab": 2, "u": 3}, "merges": ["a b"]"# + more + "}}"
      return try Tokenizer(bytes: Array(text.utf8), path: "tokenizer.json")
    }
    #expect(try tokenizer("").encode("abxa") == [2, 0])
    #expect(throws: TokenizationError.noUnknownToken("?")) { try tokenizer(#", "unk_token": "?""#).encode("abx") }
    #expect(try tokenizer(#", "unk_token": "u""#).encode("axxa") == [0, 3, 3, 0])
    #expect(try tokenizer(#", "unk_token": "u", "fuse_unk": true"#).encode("axxa") == [0, 3, 0])
  }
}
