import Foundation
import TestSupport
import Testing

/// A Python that has onnxruntime; nil where there is none.
private let python = ProcessInfo.processInfo.environment["RANKWISE_ORACLE"]

/// Compares with onnxruntime through `Benchmarks/compare_onnxruntime.py`, where a Python that has it is named by
/// RANKWISE_ORACLE.
@Suite("Against onnxruntime", .serialized, .enabled(if: python != nil))
struct OracleTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let example = repository.appending(path: "Examples/resnet50-fashion")
  private static let normalization = ["--mean", "0.2860", "--std", "0.3530"]

  /// The script fails where an output differs by more than 1e-4.
  private func compare(_ model: String) throws {
    var environment = ProcessInfo.processInfo.environment
    environment["RANKWISE"] = try builtExecutable(named: "rankwise").path
    let comparison = try launch(
      URL(filePath: python!),
      [
        Self.repository.appending(path: "Benchmarks/compare_onnxruntime.py").path, model,
        Self.example.appending(path: "test-images.npy").path, "--samples", "24",
      ] + Self.normalization, environment: environment, timeout: .seconds(240))
    #expect(comparison.status == 0, "\(comparison.output)\(comparison.errors)")
    #expect(comparison.output.contains("logits"))
  }

  @Test("the float example has onnxruntime's outputs")
  func float() throws {
    try compare(Self.example.appending(path: "resnet50-fashion.onnx").path)
  }

  @Test(
    "onnxruntime runs what was written, with the outputs that evaluate gives",
    arguments: [
      ["--bits", "2"], ["--bits", "8", "--granularity", "tensor"],
      ["--bits", "4", "--symmetric", "--storage", "packed"],
      ["--bits", "3", "--granularity", "group", "--group-size", "16", "--storage", "packed"],
    ])
  func quantized(options: [String]) throws {
    let output = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString).onnx")
    defer { try? FileManager.default.removeItem(at: output) }
    let quantization = try mpirun(
      ranks: 2, executable: try builtExecutable(named: "rankwise"),
      arguments: [
        "quantize", Self.example.appending(path: "resnet50-fashion.onnx").path, "--calibration",
        Self.example.appending(path: "calibration.npy").path, "--samples", "16", "--output", output.path,
      ] + Self.normalization + options, timeout: .seconds(240))
    #expect(quantization.status == 0, "\(quantization.errors)")
    try compare(output.path)
  }
}
