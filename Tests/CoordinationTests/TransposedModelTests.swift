import Foundation
import TestSupport
import Testing

/// Quantizes a GPT-2, whose weights are stored as inputs x outputs, under mpirun.
@Suite("GPT-2, end to end", .serialized)
struct TransposedModelTests {
  private static let fixture = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "CalibrationTests/Fixtures/language-models/gpt2")

  /// A folder of its own with the model and token ids, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    var model: URL { folder.appending(path: "model") }
    var tokens: URL { folder.appending(path: "tokens.npy") }

    init() throws {
      try FileManager.default.createDirectory(at: model, withIntermediateDirectories: true)
      for name in ["config.json", "model.safetensors"] {
        try FileManager.default.copyItem(
          at: TransposedModelTests.fixture.appending(path: name), to: model.appending(path: name))
      }
      try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func run(_ arguments: [String], ranks: Int = 1) throws -> Launch {
      try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
    }

    func quantize(_ model: URL, to name: String, _ more: [String]) throws -> Launch {
      try run(
        [
          "quantize", model.path, "--calibration", tokens.path, "--output", folder.appending(path: name).path,
        ] + more, ranks: 2)
    }

    func perplexity(_ model: URL) throws -> Double {
      let report = folder.appending(path: "perplexity.json")
      let launch = try run(["evaluate", model.path, "--tokens", tokens.path, "--report", report.path])
      #expect(launch.status == 0, "\(launch.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: report)) as? [String: Any]
      return try #require(json?["perplexity"] as? Double)
    }
  }

  @Test("GPTQ's format takes it and reads back as the float model nearly; names without the prefix get it")
  func gptq() throws {
    let work = try Work()
    let options = ["--format", "gptq", "--bits", "8"]
    var launch = try work.quantize(work.model, to: "8", options)
    #expect(launch.status == 0, "\(launch.errors)")
    let output = work.folder.appending(path: "8")
    let (float, quantized) = (try work.perplexity(work.model), try work.perplexity(output))
    // A random model's logits are large, so its perplexity is e^16: 0.1 % of the mean loss, its logarithm.
    #expect(float != quantized && abs(log(quantized) / log(float) - 1) < 1e-3, "\(float), \(quantized)")
    launch = try work.run(["inspect", output.path])
    #expect(launch.output.contains("transformer.h.1.mlp.c_proj.weight"), "\(launch.output)")

    // The same model saved without its head. The header has a tensor per line of no fixed length: spaces fill what is left.
    let bare = work.folder.appending(path: "bare")
    try FileManager.default.copyItem(at: work.model, to: bare)
    let file = bare.appending(path: "model.safetensors")
    var bytes = [UInt8](try Data(contentsOf: file))
    let end = 8 + Int(bytes[0]) + Int(bytes[1]) << 8
    let header = String(decoding: bytes[8..<end], as: UTF8.self)
    let shorter = header.replacingOccurrences(of: "\"transformer.", with: "\"")
    #expect(shorter.utf8.count < header.utf8.count)
    let padding = String(repeating: " ", count: header.utf8.count - shorter.utf8.count)
    bytes.replaceSubrange(8..<end, with: (shorter + padding).utf8)
    try Data(bytes).write(to: file)
    #expect(try work.quantize(bare, to: "bare-8", options).status == 0)
    let written = try ["8", "bare-8"].map { name in
      try Data(contentsOf: work.folder.appending(path: name).appending(path: "model.safetensors"))
    }
    #expect(written[0] == written[1])
  }

  @Test("compressed-tensors is refused before any work, with what would work")
  func compressedTensors() throws {
    let work = try Work()
    let launch = try work.quantize(work.model, to: "out", [])
    #expect(launch.status != 0 && !launch.timedOut)
    #expect(launch.errors.contains("--format gptq"), "\(launch.errors)")
    #expect(!FileManager.default.fileExists(atPath: work.folder.appending(path: "out").path))
  }
}
