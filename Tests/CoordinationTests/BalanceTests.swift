import Foundation
import TestSupport
import Testing

/// Quantizes tiny models on ranks that are made out to be of unequal speed.
@Suite("Balance", .serialized)
struct BalanceTests {
  /// Numbers that `RANKWISE_SPEEDS` may be; nil to measure.
  private static let speeds: [(ranks: Int, speeds: String?)] = [
    (2, nil), (3, "1,1,0.0001"), (3, "1e-6,1,2"), (4, "1,3,0.2,1.5"), (2, "1000000,1"),
  ]

  private func quantize(
    _ model: URL, _ samples: URL, to output: URL, ranks: Int, speeds: String?, _ more: [String] = []
  ) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "quantize", model.path, "--calibration", samples.path, "--output", output.path, "--balance", "measured",
      ] + more,
      environment: speeds.map { ["RANKWISE_SPEEDS": $0] } ?? [:], timeout: .seconds(240))
  }

  private func withFolder(_ body: (URL) throws -> Void) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder)
  }

  @Test("a mixture of experts has the same bytes whatever the ranks' speeds")
  func experts() throws {
    try withFolder { folder in
      let (model, tokens) = (folder.appending(path: "model"), folder.appending(path: "tokens.npy"))
      try TinyExperts.write("qwen3_moe", to: model)
      try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
      func weights(_ name: String, ranks: Int, speeds: String?) throws -> Data {
        let output = folder.appending(path: name)
        let launch = try quantize(model, tokens, to: output, ranks: ranks, speeds: speeds)
        #expect(launch.status == 0, "\(launch.errors)")
        #expect(launch.output.contains("speeds of the ranks: ") || speeds == nil, "\(launch.output)")
        return try Data(contentsOf: output.appending(path: "model.safetensors"))
      }
      let expected = try weights("one", ranks: 1, speeds: nil)
      for (index, setting) in Self.speeds.enumerated() {
        #expect(
          try weights("\(index)", ranks: setting.ranks, speeds: setting.speeds) == expected, "\(setting)")
      }
    }
  }

  @Test("a network whose outputs are corrected has the same bytes whatever the ranks' speeds")
  func network() throws {
    try withFolder { folder in
      let example = URL(filePath: #filePath).deletingLastPathComponent().appending(
        path: "../../Examples/resnet50-fashion")
      let (model, samples) = (
        example.appending(path: "resnet50-fashion.onnx"), example.appending(path: "calibration.npy")
      )
      func bytes(_ name: String, ranks: Int, speeds: String?) throws -> Data {
        let output = folder.appending(path: name)
        let launch = try quantize(
          model, samples, to: output, ranks: ranks, speeds: speeds, ["--samples", "32", "--threads", "1"])
        #expect(launch.status == 0, "\(launch.errors)")
        return try Data(contentsOf: output)
      }
      let expected = try bytes("one", ranks: 1, speeds: nil)
      for (index, setting) in Self.speeds.enumerated() where setting.ranks > 2 {
        #expect(try bytes("\(index)", ranks: setting.ranks, speeds: setting.speeds) == expected, "\(setting)")
      }
    }
  }

  @Test(
    "a list of speeds that does not fit the ranks ends the run before any work", arguments: ["1", "1,0", "1,x", ""])
  func badVariable(text: String) throws {
    try withFolder { folder in
      let (model, tokens) = (folder.appending(path: "model"), folder.appending(path: "tokens.npy"))
      try TinyLlama.write(to: model)
      try TinyLlama.tokens(sequences: 4, length: 32).write(to: tokens)
      let launch = try quantize(model, tokens, to: folder.appending(path: "out"), ranks: 2, speeds: text)
      #expect(launch.status == 1)
      #expect(
        launch.errors.contains("RANKWISE_SPEEDS is \"\(text)\"; it must be a number above 0 for each of the 2 ranks"),
        "\(launch.errors)")
    }
  }
}
