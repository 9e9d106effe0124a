import Foundation
import TestSupport
import Testing

@testable import Coordination
@testable import Models

/// Runs on ranks that pretend to be on several nodes, some of which do not have the model and the samples.
@Suite("Access to models", .serialized)
struct AccessTests {
  /// A folder of its own with a model and samples, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    var scratch: URL { folder.appending(path: "scratch") }

    init() throws { try FileManager.default.createDirectory(at: scratch, withIntermediateDirectories: true) }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func rankwise(
      _ arguments: [String], ranks: Int, perNode: Int = 1, without: String? = nil, access: String = "auto"
    ) throws -> Launch {
      var environment = ["RANKWISE_RANKS_PER_NODE": "\(perNode)"]
      environment["RANKWISE_NODES_WITHOUT_FILES"] = without
      return try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"),
        arguments: arguments + ["--model-access", access, "--scratch", scratch.path], environment: environment,
        timeout: .seconds(240))
    }

    /// Nothing is left of what was sent.
    func isScratchEmpty() throws -> Bool { try FileManager.default.contentsOfDirectory(atPath: scratch.path).isEmpty }
  }

  private static let example = URL(filePath: #filePath).deletingLastPathComponent().appending(
    path: "../../Examples/resnet50-fashion")

  /// The files of a folder that was written.
  private func files(_ folder: URL) throws -> [String: Data] {
    let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
    return try Dictionary(
      uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
  }

  @Test("a language model that some nodes lack is quantized to the same bytes, and nothing is left on them")
  func languageModel() throws {
    let work = try Work()
    let (model, tokens) = (work.folder.appending(path: "blobs"), work.folder.appending(path: "tokens.npy"))
    try TinyLlama.write(to: model)
    try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    // Links, as in a Hugging Face cache.
    let links = work.folder.appending(path: "model")
    try FileManager.default.createDirectory(at: links, withIntermediateDirectories: true)
    for name in try FileManager.default.contentsOfDirectory(atPath: model.path) {
      let place = name.hasSuffix("tensors") || name == "config.json"
      try place
        ? FileManager.default.createSymbolicLink(
          at: links.appending(path: name), withDestinationURL: model.appending(path: name))
        : FileManager.default.copyItem(at: model.appending(path: name), to: links.appending(path: name))
    }
    func quantize(_ name: String, ranks: Int, perNode: Int, without: String?, access: String) throws -> Launch {
      try work.rankwise(
        [
          "quantize", links.path, "--calibration", tokens.path, "--output", work.folder.appending(path: name).path,
        ], ranks: ranks, perNode: perNode, without: without, access: access)
    }
    let one = try quantize("one", ranks: 1, perNode: 1, without: nil, access: "auto")
    #expect(one.status == 0, "\(one.errors)")
    let expected = try files(work.folder.appending(path: "one"))
    for (index, setting) in [
      (3, 1, "1,2", "auto", "to 2 of 3 nodes"), (5, 2, "2", "scatter", "to 2 of 3 nodes"),
      (3, 1, "2", "auto", "to 1 of 3"),
    ].enumerated() {
      let launch = try quantize(
        "\(index)", ranks: setting.0, perNode: setting.1, without: setting.2, access: setting.3)
      #expect(launch.status == 0, "\(setting): \(launch.errors)")
      #expect(launch.output.contains("MB sent \(setting.4)"), "\(setting): \(launch.output)")
      #expect(try files(work.folder.appending(path: "\(index)")) == expected, "\(setting)")
      #expect(try work.isScratchEmpty())
    }
    let shared = try quantize("shared", ranks: 2, perNode: 1, without: nil, access: "shared")
    #expect(shared.status == 0 && !shared.output.contains("files: "), "\(shared.errors)")
  }

  @Test("a network and its samples that a node lacks are quantized and evaluated to the same numbers")
  func network() throws {
    let work = try Work()
    let samples = ["--samples", "32", "--mean", "0.2860", "--std", "0.3530", "--threads", "1"]
    let model = Self.example.appending(path: "resnet50-fashion.onnx").path
    func quantize(_ name: String, without: String?) throws -> Data {
      let output = work.folder.appending(path: name)
      let launch = try work.rankwise(
        [
          "quantize", model, "--calibration", Self.example.appending(path: "calibration.npy").path, "--output",
          output.path,
        ]
          + samples, ranks: 2, without: without)
      #expect(launch.status == 0, "\(launch.errors)")
      return try Data(contentsOf: output)
    }
    #expect(try quantize("here", without: nil) == quantize("sent", without: "1"))
    func evaluate(_ name: String, without: String?) throws -> [String: Any] {
      let report = work.folder.appending(path: name)
      let launch = try work.rankwise(
        [
          "evaluate", work.folder.appending(path: "here").path, "--data",
          Self.example.appending(path: "test-images.npy").path, "--labels",
          Self.example.appending(path: "test-labels.npy").path, "--reference", model, "--report", report.path,
        ] + samples, ranks: 2, without: without)
      #expect(launch.status == 0, "\(launch.errors)")
      return try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: report)) as? [String: Any])
    }
    let (here, sent) = (try evaluate("here.json", without: nil), try evaluate("sent.json", without: "1"))
    #expect(here["correct"] as? Int == sent["correct"] as? Int && here["correct"] is Int)
    #expect(here["agreement"] as? Double == sent["agreement"] as? Double)
    #expect(try work.isScratchEmpty())
  }

  @Test("with shared access, a node without the model ends the run at once with its host, the path and the remedy")
  func shared() throws {
    let work = try Work()
    let (model, tokens) = (work.folder.appending(path: "model"), work.folder.appending(path: "tokens.npy"))
    try TinyLlama.write(to: model)
    try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    let arguments = [
      "quantize", model.path, "--calibration", tokens.path, "--output", work.folder.appending(path: "out").path,
    ]
    let launch = try work.rankwise(arguments, ranks: 3, without: "2", access: "shared")
    #expect(launch.status == 1)
    #expect(
      launch.errors.contains("rankwise: rank 2 on ")
        && launch.errors.contains("\(model.path)/config.json: No such file")
        && launch.errors.contains("--model-access scatter"), "\(launch.errors)")
    #expect(launch.errors.components(separatedBy: "rankwise: rank").count == 2, "\(launch.errors)")
    #expect(launch.duration < .seconds(20))

    // No room, or no such place, for what is sent.
    let full = try mpirun(
      ranks: 2, executable: try builtExecutable(named: "rankwise"),
      arguments: arguments + ["--scratch", work.folder.appending(path: "missing").path],
      environment: ["RANKWISE_RANKS_PER_NODE": "1", "RANKWISE_NODES_WITHOUT_FILES": "1"])
    #expect(full.status == 1 && full.errors.contains("no folder can be made there"), "\(full.errors)")

    let bad = try work.rankwise(arguments, ranks: 2, without: "2")
    #expect(bad.status == 1 && bad.errors.contains("RANKWISE_NODES_WITHOUT_FILES is \"2\""), "\(bad.errors)")
  }

  @Test("a file that differs in size or in its bytes is not taken for rank 0's")
  func differences() throws {
    let work = try Work()
    let (first, second) = (work.folder.appending(path: "a"), work.folder.appending(path: "b"))
    for folder in [first, second] { try TinyLlama.write(to: folder) }
    let manifest = try FileManifest(InputFiles(model: first.path))
    #expect(manifest.entries.map(\.name) == ["config.json", "model.safetensors"])
    #expect(manifest.difference(under: second.path) == nil)
    let file = second.appending(path: "model.safetensors")
    var bytes = try Data(contentsOf: file)
    bytes[bytes.count - 1] ^= 1
    try bytes.write(to: file)
    #expect(manifest.difference(under: second.path)?.reason.contains("last bytes differ") == true)
    try (bytes + Data([0])).write(to: file)
    #expect(manifest.difference(under: second.path)?.reason.contains("bytes here") == true)
    try FileManager.default.removeItem(at: file)
    try FileManager.default.createDirectory(at: file, withIntermediateDirectories: true)
    #expect(manifest.difference(under: second.path)?.reason == "it is not a regular file")
  }

  @Test(
    "names that leave the folder are not taken from rank 0",
    arguments: ["../x", "/x", "a/../../x", "", "a//b", ".", "a/", "a\0b"])
  func names(name: String) throws {
    let work = try Work()
    let file = work.folder.appending(path: "file")
    try Data([1]).write(to: file)
    var manifest = try FileManifest(InputFiles(file: file.path))
    #expect(throws: Never.self) { try manifest.check() }
    manifest.entries[0].name = name
    #expect(throws: CoordinationError.self) { try manifest.check() }
  }
}
