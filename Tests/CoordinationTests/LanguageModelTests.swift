import Foundation
import Models
import TestSupport
import Testing

/// Quantizes the folder of a tiny language model under mpirun, as a user would.
@Suite("Language models, end to end", .serialized)
struct LanguageModelTests {
  /// A folder of its own with a model and token ids, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    var model: URL { folder.appending(path: "model") }
    var tokens: URL { folder.appending(path: "tokens.npy") }
    var output: URL { folder.appending(path: "out") }

    init(tokens data: Data = TinyLlama.tokens(sequences: 24, length: 32)) throws {
      try TinyLlama.write(to: model)
      try data.write(to: tokens)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func quantize(_ more: [String] = [], output: URL? = nil, ranks: Int = 1) throws -> Launch {
      try run(
        ["quantize", model.path, "--calibration", tokens.path, "--output", (output ?? self.output).path] + more,
        ranks: ranks)
    }

    func run(_ arguments: [String], ranks: Int = 1) throws -> Launch {
      try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
    }

    /// The perplexity of the folder `name` on the tokens.
    func perplexity(_ name: String) throws -> Double {
      let report = folder.appending(path: "perplexity.json")
      let launch = try run(
        ["evaluate", folder.appending(path: name).path, "--tokens", tokens.path, "--report", report.path])
      #expect(launch.status == 0, "\(launch.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: report)) as? [String: Any]
      return try #require(json?["perplexity"] as? Double)
    }
  }

  private func contents(_ folder: URL) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
  }

  @Test(
    "all files of the output have the same bytes at 1, 2 and 3 ranks and at 2 threads",
    arguments: ["compressed-tensors", "gptq"])
  func sameBytes(format: String) throws {
    let work = try Work()
    var outputs: [[String: Data]] = []
    for (ranks, threads) in [(1, 1), (2, 1), (3, 1), (2, 2)] {
      let output = work.folder.appending(path: "\(ranks)-\(threads)")
      let launch = try work.quantize(
        ["--format", format, "--threads", "\(threads)"], output: output, ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      // 64 and 128 columns: groups of 64.
      #expect(launch.output.contains("symmetric, groups of 64"), "\(launch.output)")
      outputs.append(try contents(output))
    }
    for output in outputs.dropFirst() { #expect(output == outputs[0]) }
    let names =
      ["config.json", "model.safetensors", "tokenizer.json"] + (format == "gptq" ? ["quantize_config.json"] : [])
    #expect(outputs[0].keys.sorted() == names.sorted())
  }

  @Test("evaluate and inspect read what was written; more bits are nearer to the float model")
  func readsOwnOutput() throws {
    let work = try Work()
    let float = try work.perplexity("model")
    var distances: [Double] = []
    for (bits, format, more) in [
      (2, "compressed-tensors", []), (4, "compressed-tensors", ["--asymmetric"]), (8, "compressed-tensors", []),
      (8, "gptq", ["--granularity", "channel"]), (4, "gptq", ["--asymmetric", "--group-size", "32"]),
    ] as [(Int, String, [String])] {
      let name = "\(bits)-\(format)"
      let output = work.folder.appending(path: name)
      #expect(try work.quantize(["--bits", "\(bits)", "--format", format] + more, output: output).status == 0)
      distances.append(abs(try work.perplexity(name) - float) / float)
      let launch = try work.run(["inspect", output.path])
      #expect(launch.output.contains("model.layers.1.mlp.down_proj.weight"), "\(launch.output)")
      #expect(launch.output.contains(format), "\(launch.output)")
    }
    #expect(distances[2] < distances[0], "\(distances)")
    #expect(distances[2] < 1e-3 && distances[3] < 1e-3, "\(distances)")
    #expect(distances[1] < 0.05 && distances[4] < 0.05, "\(distances)")
    // A model that is quantized already is refused.
    let again = try work.run([
      "quantize", work.folder.appending(path: "8-gptq").path, "--calibration", work.tokens.path, "--output",
      work.output.path,
    ])
    #expect(again.status != 0)
    #expect(again.errors.contains("quantized already"), "\(again.errors)")
  }

  @Test("sequences are drawn from a text by the model's tokenizer, the same for the same seed")
  func text() throws {
    let work = try Work()
    let text = work.folder.appending(path: "text.txt")
    try Data((0..<4000).map { UInt8(65 + ($0 * $0 / 7) % 58) }).write(to: text)
    func model(_ name: String, _ more: [String]) throws -> Data {
      let output = work.folder.appending(path: name)
      let launch = try work.run(
        ["quantize", work.model.path, "--calibration", text.path, "--output", output.path, "--samples", "16"] + more,
        ranks: 2)
      #expect(launch.status == 0, "\(launch.errors)")
      #expect(launch.output.contains("sequences of 32 tokens, drawn with seed"), "\(launch.output)")
      return try Data(contentsOf: output.appending(path: "model.safetensors"))
    }
    let first = try model("1", ["--sequence-length", "32"])
    #expect(try model("2", ["--sequence-length", "32", "--seed", "0"]) == first)
    #expect(try model("3", ["--sequence-length", "32", "--seed", "1"]) != first)
    let launch = try work.run(
      ["quantize", work.model.path, "--calibration", text.path, "--output", work.output.path, "--samples", "900"])
    #expect(launch.status != 0)
    #expect(launch.errors.contains("text.txt"), "\(launch.errors)")
  }

  @Test("kept layers are in the ignore list, layers with other bits in a group of their own")
  func mixed() throws {
    let work = try Work()
    let launch = try work.quantize(["--keep", "*o_proj*", "--bits-for", "*.mlp.down_proj=8"])
    #expect(launch.status == 0, "\(launch.errors)")
    let json = try JSONSerialization.jsonObject(with: Data(contentsOf: work.output.appending(path: "config.json")))
    let quantization = try #require((json as? [String: Any])?["quantization_config"] as? [String: Any])
    let ignored = try #require(quantization["ignore"] as? [String])
    #expect(Set(ignored) == ["lm_head", "model.layers.0.self_attn.o_proj", "model.layers.1.self_attn.o_proj"])
    let groups = try #require(quantization["config_groups"] as? [String: [String: Any]])
    #expect(
      groups["group_1"]?["targets"] as? [String] == ["model.layers.0.mlp.down_proj", "model.layers.1.mlp.down_proj"])
  }

  @Test(
    "bad input ends all ranks with a message that names it, and leaves nothing behind",
    arguments: [
      (["--group-size", "48"], "48"), (["--granularity", "tensor"], "--granularity tensor"),
      (["--storage", "packed"], "--storage"), (["--format", "gptq", "--bits", "5"], "2, 3, 4 and 8 bits"),
      (["--format", "gptq", "--bits-for", "first=8"], "one scheme"), (["--format", "gguf"], "gguf"),
      (["--keep", "*nowhere*"], "nowhere"), (["--samples", "0"], "--samples"),
    ])
  func badOptions(options: [String], text: String) throws {
    let work = try Work()
    let launch = try work.quantize(options, ranks: 2)
    #expect(launch.status != 0)
    #expect(!launch.timedOut)
    #expect((launch.errors + launch.output).contains(text), "\(launch.errors)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: work.folder.path).sorted() == ["model", "tokens.npy"])
  }

  @Test("token ids outside of the vocabulary, sequences that are too long and full folders are refused")
  func badTokens() throws {
    for (data, text) in [
      (TinyLlama.tokens(sequences: 4, length: 32, token: 96), "96"),
      (TinyLlama.tokens(sequences: 4, length: 32, token: -1), "-1"),
      (TinyLlama.tokens(sequences: 4, length: 65), "64"),
    ] {
      let work = try Work(tokens: data)
      let launch = try work.quantize(ranks: 2)
      #expect(launch.status != 0)
      #expect(launch.errors.contains(text), "\(launch.errors)")
      #expect(!FileManager.default.fileExists(atPath: work.output.path))
    }
    let work = try Work()
    let launch = try work.quantize(output: work.model)
    #expect(launch.status != 0)
    #expect(launch.errors.contains("not empty"), "\(launch.errors)")
  }
}
