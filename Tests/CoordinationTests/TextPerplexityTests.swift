import Foundation
import TestSupport
import Testing

/// Runs the example language model on texts under mpirun, as a user would.
@Suite("Perplexity of a text, end to end", .serialized)
struct TextPerplexityTests {
  private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Examples/tiny-llama")

  /// A folder of its own, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")

    init() throws { try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    /// The beginning of a text of the example, as a file.
    func beginning(of name: String, bytes: Int) throws -> URL {
      let file = folder.appending(path: name)
      try Data(contentsOf: TextPerplexityTests.example.appending(path: name)).prefix(bytes).write(to: file)
      return file
    }

    func run(_ arguments: [String], ranks: Int = 1) throws -> Launch {
      try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
    }

    /// What `evaluate` reports of a model.
    func report(of model: URL, _ more: [String], ranks: Int = 1) throws -> [String: Any] {
      let file = folder.appending(path: "report.json")
      let launch = try run(["evaluate", model.path, "--report", file.path] + more, ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any])
    }
  }

  @Test("a text has the perplexity that transformers finds, the same number at 1, 2 and 3 ranks")
  func figure() throws {
    let work = try Work()
    let text = try work.beginning(of: "heldout.txt", bytes: 12_000)
    var losses: [Double] = []
    for ranks in 1...3 {
      let report = try work.report(
        of: Self.example, ["--text", text.path, "--sequence-length", "256", "--samples", "8"], ranks: ranks)
      #expect(report["windows"] as? Int == 8)
      #expect(report["text"] as? String == text.path)
      losses.append(try #require(report["meanLoss"] as? Double))
    }
    // Benchmarks/llm/perplexity.py Examples/tiny-llama heldout.txt --sequence-length 256 --windows 8, printed with six digits.
    #expect(abs(losses[0] - 3.277305) < 2e-5, "\(losses[0])")
    #expect(losses == [losses[0], losses[0], losses[0]])
  }

  @Test("lines of JSON are documents one behind the other: the ids that tokenize writes")
  func lines() throws {
    let work = try Work()
    let text = work.folder.appending(path: "text.jsonl")
    let line = "Now is the winter of our discontent made glorious summer by this sun of York; "
    let objects = (1...12).map { number in
      number % 3 == 0
        ? #"{"messages": [{"role": "user", "content": "\#(line)"}, {"role": "assistant", "content": "Ay, \#(number)."}]}"#
        : #"{"text": "\#(number): \#(line)", "other": [1, 2]}"#
    }
    try Data(objects.joined(separator: "\n").utf8).write(to: text)
    let ids = work.folder.appending(path: "ids.npy")
    #expect(try work.run(["tokenize", Self.example.path, "--text", text.path, "--output", ids.path]).status == 0)
    let ofText = try work.report(of: Self.example, ["--text", text.path, "--sequence-length", "32"], ranks: 2)
    let ofIds = try work.report(of: Self.example, ["--tokens", ids.path, "--sequence-length", "32"])
    for key in ["meanLoss", "windows", "tokenCount", "predicted"] {
      let (first, second) = (ofText[key] as? Double, ofIds[key] as? Double)
      #expect(first != nil && first == second, "\(key)")
    }
  }

  @Test("calibrated on a text, the output has the same bytes at 1, 2 and 3 ranks, and predicts nearly as well")
  func quantized() throws {
    let work = try Work()
    let calibration = try work.beginning(of: "calibration.txt", bytes: 10_000)
    let text = try work.beginning(of: "heldout.txt", bytes: 6_000)
    var files: [Data] = []
    for ranks in 1...3 {
      let output = work.folder.appending(path: "\(ranks)")
      let launch = try work.run(
        [
          "quantize", Self.example.path, "--calibration", calibration.path, "--samples", "16", "--sequence-length",
          "64", "--output", output.path,
        ], ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      #expect(launch.output.contains("sequences of 64 tokens, drawn with seed 0"), "\(launch.output)")
      files.append(try Data(contentsOf: output.appending(path: "model.safetensors")))
    }
    #expect(files[1] == files[0] && files[2] == files[0])
    let arguments = ["--text", text.path, "--sequence-length", "128"]
    let float = try #require(try work.report(of: Self.example, arguments)["perplexity"] as? Double)
    let quantized = try #require(
      try work.report(of: work.folder.appending(path: "2"), arguments, ranks: 2)["perplexity"] as? Double)
    #expect(abs(quantized / float - 1) < 0.05, "\(float), \(quantized)")
  }

  @Test(
    "a text that cannot be used ends all ranks with a message that names it",
    arguments: [
      ("missing.txt", nil, "missing.txt"), ("short.txt", "Ay.", "less than one sequence of 256"),
      ("latin.txt", "\u{0}", "not UTF-8"), ("broken.jsonl", "{\"text\": \"a\"}\n{\"text\": 1}", "line 2"),
    ] as [(String, String?, String)])
  func badText(name: String, content: String?, message: String) throws {
    let work = try Work()
    let text = work.folder.appending(path: name)
    // A lone byte above 127 is no UTF-8.
    if let content { try Data(content == "\u{0}" ? [0xE9, 0x20] : Array(content.utf8)).write(to: text) }
    let output = work.folder.appending(path: "out")
    for command in [
      ["evaluate", Self.example.path, "--text", text.path],
      ["quantize", Self.example.path, "--calibration", text.path, "--output", output.path],
    ] {
      let launch = try work.run(command + ["--sequence-length", "256"], ranks: 3)
      #expect(launch.status != 0 && !launch.timedOut)
      #expect(launch.errors.contains(message), "\(launch.errors)")
    }
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }

  @Test("sequences longer than the model takes, and options that do not go together, are refused")
  func badOptions() throws {
    let work = try Work()
    let text = try work.beginning(of: "heldout.txt", bytes: 6_000)
    for (arguments, message) in [
      (["--text", text.path, "--sequence-length", "513"], "512 at most"),
      (["--text", text.path, "--tokens", text.path], "--tokens"), (["--text", text.path, "--labels", "x"], "--labels"),
      (["--text", text.path, "--sequence-length", "1"], "at least 2"), ([], "--text"),
    ] {
      let launch = try work.run(["evaluate", Self.example.path] + arguments, ranks: 2)
      #expect(launch.status != 0 && !launch.timedOut)
      #expect(launch.errors.contains(message), "\(launch.errors)")
    }
  }
}
