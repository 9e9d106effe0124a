import Foundation
import Graphs
import TestSupport
import Testing

@testable import Coordination

/// Runs within a memory limit.
@Suite("Memory limit", .serialized)
struct MemoryTests {
  private static let example = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Examples/resnet50-fashion")

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func quantize(_ output: URL, ranks: Int = 1, _ more: [String]) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "quantize", Self.example.appending(path: "resnet50-fashion.onnx").path, "--calibration",
        Self.example.appending(path: "calibration.npy").path, "--samples", "64", "--mean", "0.2860", "--std", "0.3530",
        "--output", output.path, "--threads", "1",
      ] + more, timeout: .seconds(240))
  }

  @Test(
    "too little is refused before the start with what would do; that does, with the same bytes and nothing left behind")
  func limit() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (free, bounded) = (folder.appending(path: "free.onnx"), folder.appending(path: "bounded.onnx"))
    #expect(try quantize(free, []).status == 0)
    let refused = try quantize(bounded, ranks: 2, ["--memory-limit", "50MiB"])
    #expect(refused.status == 1)
    let pattern = /each rank needs [0-9]+MiB, .*give --memory-limit ([0-9]+MiB)/
    let match = try #require(refused.errors.firstMatch(of: pattern), "\(refused.errors)")
    let limit = ["--memory-limit", String(match.1)]
    let scratch = folder.appending(path: "scratch")
    // So little needs a scratch file.
    let nowhere = try quantize(bounded, ranks: 2, limit + ["--scratch", scratch.path])
    #expect(nowhere.status == 1 && nowhere.errors.contains("--scratch"), "\(nowhere.errors)")
    try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true)
    let launch = try quantize(bounded, ranks: 2, limit + ["--scratch", scratch.path])
    #expect(launch.status == 0, "\(launch.errors)")
    #expect(launch.output.contains("chunks of a rank in \(scratch.path)"), "\(launch.output)")
    #expect(try Data(contentsOf: bounded) == Data(contentsOf: free))
    #expect(try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty)
  }

  @Test("tensors in a scratch file keep their elements, and their places are used again")
  func scratchFile() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = try ScratchFile(folder: folder.path)
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    func tensor(_ count: Int, _ seed: UInt64) -> Tensor { Tensor(TinyNetwork.noise(count, seed: seed), shape: [count]) }
    var kept: [(Tensor, UInt64)] = []
    for round in 0..<20 {
      // Some go, others come; sizes differ.
      kept.removeAll { _, seed in seed % 3 == UInt64(round % 3) }
      for index in 0..<5 {
        let seed = UInt64(round * 5 + index)
        kept.append((try file.store(tensor(1000 + 700 * index, seed)), seed))
      }
      for (stored, seed) in kept {
        stored.storage.releasePages()
        #expect(stored.storage.isInFile && stored.array(of: Float.self) == TinyNetwork.noise(stored.count, seed: seed))
      }
    }
    #expect(throws: CoordinationError.self) { try ScratchFile(folder: folder.path + "/missing") }
  }

  @Test("bounds within a limit take no more than it, and more of everything the larger it is")
  func bounds() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    try Data(
      """
      {"model_type": "llama", "hidden_size": 1024, "num_hidden_layers": 8, "intermediate_size": 2816,
       "num_attention_heads": 16, "num_key_value_heads": 4, "vocab_size": 8192, "max_position_embeddings": 2048,
       "rms_norm_eps": 1e-5, "hidden_act": "silu", "rope_theta": 10000.0, "tie_word_embeddings": false}
      """.utf8
    ).write(to: folder.appending(path: "config.json"))
    var options = QuantizeOptions(
      model: folder.appending(path: "config.json").path, calibration: "", output: "",
      scheme: .init(bits: 4, symmetric: true, granularity: .group(size: 128)))
    (options.choosesGroupSize, options.samples, options.sequenceLength) = (true, 64, 512)
    let run = try PlanRun(PlanOptions(quantize: options, layouts: [])).run
    for nodes in [[[0]], [[0, 1]], [[0], [1]]] {
      let model = MemoryModel(run, shapes: try ChunkShapes(run), nodes: nodes, threads: 4)
      let least = model.memory(model.leastBounds(limit: 1 << 30)).perRank
      let whole = model.memory(MemoryBounds(threads: 4)).perRank
      #expect(least < whole)
      var before = model.leastBounds(limit: 1)
      for limit in stride(from: least + (8 << 20), through: 2 * whole, by: (2 * whole - least) / 16) {
        let bounds = try model.bounds(limit: limit)
        #expect(model.memory(bounds).perRank <= limit)
        #expect(bounds.forwardChunks >= before.forwardChunks)
        before = bounds
      }
      #expect(before.residentChunks == .max && before.forwardChunks == 4 && before.sumChunks == 4)
      #expect(throws: CoordinationError.self) { try model.bounds(limit: least / 2) }
    }
  }
}
