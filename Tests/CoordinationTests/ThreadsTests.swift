import Foundation
import TestSupport
import Testing

/// Ranks with more threads than chunks, as a user would start them.
@Suite("More threads than chunks", .serialized)
struct ThreadsTests {
  private static let examples = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent().appending(path: "Examples")
  private static let languageModel = [
    "tiny-llama", "--calibration", examples.appending(path: "tiny-llama/calibration.txt").path,
    "--sequence-length", "192", "--effort", "fast",
  ]
  private static let network = [
    "resnet50-fashion/resnet50-fashion.onnx", "--calibration",
    examples.appending(path: "resnet50-fashion/calibration.npy").path, "--mean", "0.2860", "--std", "0.3530",
    "--effort", "fast",
  ]

  /// All bytes of the file or the files of the folder.
  private func bytes(_ output: URL) throws -> Data {
    guard let names = try? FileManager.default.contentsOfDirectory(atPath: output.path) else {
      return try Data(contentsOf: output)
    }
    return try names.sorted().reduce(Data()) { try $0 + Data(contentsOf: output.appending(path: $1)) }
  }

  @Test(
    "the output has the same bytes on 1, 2, 3 and 8 threads, which share the work inside of one or two chunks",
    arguments: [
      languageModel + ["--samples", "1", "--held-out", "0"],
      languageModel + ["--samples", "1", "--held-out", "0", "--compute", "float32"],
      network + ["--samples", "2", "--held-out", "0"],
    ])
  func sameBytes(arguments: [String]) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    var outputs: [Data] = []
    for threads in [1, 2, 3, 8] {
      let output = folder.appending(path: "\(threads).onnx")
      let launch = try mpirun(
        ranks: 1, executable: try builtExecutable(named: "rankwise"),
        arguments: ["quantize", Self.examples.appending(path: arguments[0]).path] + arguments.dropFirst()
          + ["--threads", "\(threads)", "--output", output.path], timeout: .seconds(240))
      #expect(launch.status == 0, "\(launch.errors)")
      #expect(
        launch.output.contains(" in 1 chunks of ") || launch.output.contains(" in 2 chunks of "), "\(launch.output)")
      outputs.append(try bytes(output))
    }
    #expect(!outputs[0].isEmpty)
    for output in outputs.dropFirst() { #expect(output == outputs[0]) }
  }
}
