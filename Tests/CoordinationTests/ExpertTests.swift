import Foundation
import TestSupport
import Testing

/// Quantizes tiny mixtures of experts under mpirun, as a user would.
@Suite("Mixtures of experts, end to end", .serialized)
struct ExpertTests {
  /// A folder of its own with a model and token ids, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    private var model: URL { folder.appending(path: "model") }
    private var tokens: URL { folder.appending(path: "tokens.npy") }

    init(_ type: String) throws {
      try TinyExperts.write(type, to: model)
      try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func quantize(_ name: String, _ more: [String] = [], ranks: Int = 1) throws -> Launch {
      let launch = try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"),
        arguments: [
          "quantize", model.path, "--calibration", tokens.path, "--output", folder.appending(path: name).path,
          "--report", folder.appending(path: name + ".json").path,
        ] + more, timeout: .seconds(240))
      #expect(launch.status == 0, "\(launch.errors)")
      return launch
    }

    func files(_ name: String) throws -> [String: Data] {
      let folder = folder.appending(path: name)
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      return try Dictionary(
        uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
    }

    /// The report's layers.
    func layers(_ name: String) throws -> [[String: Any]] {
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: folder.appending(path: name + ".json")))
      return try #require((json as? [String: Any])?["layers"] as? [[String: Any]])
    }
  }

  private func isExpert(_ layer: [String: Any]) -> Bool { (layer["name"] as? String)?.contains(".experts.") == true }

  /// The mean of `key` over layers.
  private func mean(_ key: String, _ layers: [[String: Any]]) throws -> Double {
    let values = layers.compactMap { $0[key] as? Double }
    try #require(!values.isEmpty)
    return values.reduce(0, +) / Double(values.count)
  }

  @Test(
    "all files of the output have the same bytes at 1 to 4 ranks and at 2 threads",
    arguments: zip(TinyExperts.modelTypes, ["compressed-tensors", "gptq"]))
  func sameBytes(type: String, format: String) throws {
    let work = try Work(type)
    var outputs: [[String: Data]] = []
    for (ranks, threads) in [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2)] {
      _ = try work.quantize("\(ranks)-\(threads)", ["--format", format, "--threads", "\(threads)"], ranks: ranks)
      outputs.append(try work.files("\(ranks)-\(threads)"))
    }
    for output in outputs.dropFirst() { #expect(output == outputs[0]) }
  }

  @Test("each token is counted at the experts that it chose; the router stays as it is")
  func counts() throws {
    let work = try Work("qwen3_moe")
    let launch = try work.quantize("out", ["--held-out", "0"], ranks: 2)
    let layers = try work.layers("out").filter(isExpert)
    #expect(layers.count == 2 * TinyExperts.experts * 3)
    for block in 0..<2 {
      for module in ["gate_proj", "up_proj", "down_proj"] {
        let own = layers.filter {
          let name = $0["name"] as? String ?? ""
          return name.contains("layers.\(block).") && name.contains(module)
        }
        #expect(own.count == TinyExperts.experts)
        #expect(own.reduce(0) { $0 + ($1["tokens"] as? Int ?? 0) } == 24 * 32 * TinyExperts.chosen)
        // Fewer than four times their 64 columns: filled up to that number, or a little more where chunks are uneven.
        for layer in own {
          let (tokens, extra) = (try #require(layer["tokens"] as? Int), try #require(layer["extraTokens"] as? Int))
          #expect(tokens < 256 ? tokens + extra >= 256 : extra == 0, "\(layer)")
        }
      }
    }
    #expect(launch.output.contains("tokens that came next to choosing the expert were added"), "\(launch.output)")
    let json = try JSONSerialization.jsonObject(with: try #require(try work.files("out")["config.json"]))
    let ignored = ((json as? [String: Any])?["quantization_config"] as? [String: Any])?["ignore"] as? [String]
    #expect(Set(ignored ?? []) == ["lm_head", "model.layers.0.mlp.gate", "model.layers.1.mlp.gate"])
  }

  @Test(
    "experts with few tokens lose less on samples held out with others' tokens than without, and than by plain rounding",
    arguments: TinyExperts.modelTypes)
  func fewTokens(type: String) throws {
    let work = try Work(type)
    // Of 24 sequences half are held out: 12 x 32 tokens, 2 of 8 experts each, are 96 for an expert of 64 columns.
    let more = ["--held-out", "0.5", "--bits", "3", "--drift-correction", "off"]
    let rounded = try work.quantize("round", ["--held-out", "0.5", "--bits", "3", "--method", "round"])
    let alone = try work.quantize("alone", more + ["--expert-tokens", "0"])
    let blended = try work.quantize("blended", more)
    withExtendedLifetime((rounded, alone, blended)) {}
    let losses = try ["round", "alone", "blended"].map { name in
      try mean("heldOutLoss", try work.layers(name).filter { isExpert($0) && ($0["tokens"] as? Int ?? 0) < 96 })
    }
    #expect(losses[2] < 0.9 * losses[1] && losses[2] < 0.9 * losses[0], "\(type): \(losses)")
  }

  @Test(
    "drift correction brings the outputs of experts nearer to the float network's, though the networks route differently"
  )
  func drift() throws {
    let work = try Work("qwen3_moe")
    for alpha in ["off", "1"] {
      _ = try work.quantize(alpha, ["--bits", "3", "--held-out", "0.25", "--drift-correction", alpha])
    }
    let drifts = try ["off", "1"].map { try mean("drift", try work.layers($0).filter(isExpert)) }
    #expect(drifts[1] < 0.95 * drifts[0], "\(drifts)")
  }
}
