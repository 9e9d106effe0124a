import Foundation
import Testing

@testable import Tokenization

@Suite("Text for calibration") struct TextCorpusTests {
  static func tokenizer() throws -> Tokenizer {
    try Tokenizer(contentsOf: TokenizerTests.folder.appendingPathComponent("llama3.json").path)
  }

  /// Writes a file, calls `body` with its path, and takes it away.
  static func withFile(_ name: String, _ text: String, _ body: (String) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appendingPathComponent(name)
    try Data(text.utf8).write(to: file)
    try body(file.path)
  }

  @Test("plain text is one document, a line of JSON one each with special tokens")
  func documents() throws {
    let tokenizer = try Self.tokenizer()
    try Self.withFile("a.txt", "Hello\nworld") { path in
      let corpus = try TextCorpus(contentsOf: path, tokenizer: tokenizer)
      #expect(corpus.ids == (try tokenizer.encode("Hello\nworld")) && corpus.documentCount == 1)
    }
    let lines =
      #"{"text": "Hello"}"# + "\n\n" + #"{"messages": [{"role": "user", "content": "a"}, {"content": "b"}]}"# + "\n"
    try Self.withFile("a.jsonl", lines) { path in
      let corpus = try TextCorpus(contentsOf: path, tokenizer: tokenizer)
      let expected = try ["Hello", "a\nb"].flatMap { try tokenizer.encode($0, addsSpecialTokens: true) }
      #expect(corpus.ids == expected && corpus.documentCount == 2)
    }
    try Self.withFile("a.jsonl", "{\"text\": \"x\"}\n{\"txt\": 1}\n") { path in
      let error = #expect(throws: TokenizationError.self) { _ = try TextCorpus(contentsOf: path, tokenizer: tokenizer) }
      #expect(error?.description.contains("line 2: neither 'text' nor 'messages'") == true)
    }
  }

  @Test("samples are different windows, the same for a seed, and too short a text is an error with numbers")
  func samples() throws {
    let tokenizer = try Self.tokenizer()
    let text = (0..<400).map { "word \($0)" }.joined(separator: " ")
    try Self.withFile("a.txt", text) { path in
      let corpus = try TextCorpus(contentsOf: path, tokenizer: tokenizer)
      let samples = try corpus.samples(count: 10, length: 16, seed: 7)
      #expect(samples.count == 10 && samples.allSatisfy { $0.count == 16 } && Set(samples).count == 10)
      #expect(try corpus.samples(count: 10, length: 16, seed: 7) == samples)
      #expect(try corpus.samples(count: 10, length: 16, seed: 8) != samples)
      // Every window that begins at a multiple of its length.
      let all = try corpus.samples(count: corpus.ids.count / 16, length: 16, seed: 1)
      #expect(Set(all) == Set((0..<corpus.ids.count / 16).map { Array(corpus.ids[$0 * 16..<$0 * 16 + 16]) }))
      #expect(throws: TokenizationError.tooShort(path: path, tokens: corpus.ids.count, samples: 1000, length: 16)) {
        _ = try corpus.samples(count: 1000, length: 16, seed: 1)
      }
    }
  }
}
