import Foundation
import Graphs
import Testing

@Suite("Conformance to ONNX")
struct ConformanceTests {
  /// Where Debian's libonnx-testdata puts the cases, or another folder of the same form.
  static let folder = URL(
    fileURLWithPath: ProcessInfo.processInfo.environment["RANKWISE_ONNX_TESTDATA"]
      ?? "/usr/share/libonnx-testdata/data/node")

  /// The cases that are known to fail, each with the reason.
  ///
  /// All but the last two are modes that are refused with a message before anything runs.
  static let knownFailures: [String: String] = [
    "test_convtranspose_3d": "three spatial dimensions are not supported",
    "test_training_dropout": "training is not supported: the mask is random",
    "test_training_dropout_default": "training is not supported: the mask is random",
    "test_training_dropout_default_mask": "training is not supported: the mask is random",
    "test_training_dropout_mask": "training is not supported: the mask is random",
    "test_cast_FLOAT_to_BFLOAT16": "the stored outputs are cut off; ONNX rounds to the nearest since",
    "test_castlike_FLOAT_to_BFLOAT16_expanded": "the stored outputs are cut off; ONNX rounds to the nearest since",
  ]

  @Test(
    "the operators give what ONNX's own test cases expect",
    .enabled(
      if: FileManager.default.fileExists(atPath: folder.path),
      "needs the test cases of ONNX: install libonnx-testdata or name their folder in RANKWISE_ONNX_TESTDATA"))
  func nodeTests() throws {
    var table = ConformanceTable()
    let names = try FileManager.default.contentsOfDirectory(atPath: Self.folder.path).sorted()
    for name in names {
      guard let testCase = try ConformanceCase(folder: Self.folder.appendingPathComponent(name)) else { continue }
      table.add(name, testCase.kind, testCase.run())
    }
    print(table.markdown(reasons: Self.knownFailures))
    if let report = ProcessInfo.processInfo.environment["RANKWISE_CONFORMANCE_REPORT"] {
      let command = "RANKWISE_CONFORMANCE_REPORT=Benchmarks/conformance/README.md swift test --filter Conformance"
      try table.page(command: command, reasons: Self.knownFailures).write(
        toFile: report, atomically: true, encoding: .utf8)
    }
    for failure in table.failures where Self.knownFailures[failure.name] == nil {
      Issue.record("\(failure.kind.rawValue): \(failure.name): \(failure.reason)")
    }
    let failed = Set(table.failures.map(\.name))
    for name in Self.knownFailures.keys where names.contains(name) {
      #expect(failed.contains(name), "\(name) passes by now; take it off the list")
    }
    #expect(table.passedCount > 0)
  }
}
