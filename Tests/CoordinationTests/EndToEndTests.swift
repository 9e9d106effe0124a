import Foundation
import TestSupport
import Testing

/// Runs the `rankwise` program under mpirun on the example network, as a user would.
@Suite("End to end", .serialized)
struct EndToEndTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let example = repository.appending(path: "Examples/resnet50-fashion")
  private static let model = example.appending(path: "resnet50-fashion.onnx").path
  private static let normalization = ["--mean", "0.2860", "--std", "0.3530"]

  /// A folder of its own, removed by the caller's defer.
  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func rankwise(_ arguments: [String], ranks: Int = 1) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
  }

  private func quantize(_ output: URL, ranks: Int = 1, _ more: [String] = []) throws -> Launch {
    try rankwise(
      [
        "quantize", Self.model, "--calibration", Self.example.appending(path: "calibration.npy").path, "--samples",
        "48",
        "--output", output.path,
      ] + Self.normalization + more, ranks: ranks)
  }

  @Test("the output has the same bytes at 1 to 4 ranks and at 2 threads")
  func sameBytes() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var files: [Data] = []
    for (ranks, threads) in [(1, 1), (2, 1), (3, 1), (4, 1), (2, 2)] {
      let output = folder.appending(path: "\(ranks)-\(threads).onnx")
      let launch = try quantize(output, ranks: ranks, ["--threads", "\(threads)", "--order", "sensitivity"])
      #expect(launch.status == 0, "\(launch.errors)")
      files.append(try Data(contentsOf: output))
    }
    for file in files.dropFirst() { #expect(file == files[0]) }
    // Quantized weights take a byte each: the file is about a quarter of the float one.
    let size = try Data(contentsOf: URL(filePath: Self.model)).count
    #expect(files[0].count < size * 3 / 10)
  }

  @Test(
    "drift correction gives the same bytes at 1 to 3 ranks, and outputs nearer to the float model's",
    arguments: [[], ["--granularity", "tensor", "--bits", "6", "--no-output-correction"]])
  func driftCorrection(options: [String]) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var errors: [Double] = []
    for alpha in ["off", "0.5"] {
      var files: [Data] = []
      // The second case is about other arithmetic, not about other ranks.
      for ranks in alpha == "off" ? [3] : options.isEmpty ? [1, 2, 3] : [1, 3] {
        let output = folder.appending(path: "\(alpha)-\(ranks).onnx")
        let launch = try quantize(
          output, ranks: ranks, ["--bits", "3", "--drift-correction", alpha, "--samples", "96"] + options)
        #expect(launch.status == 0, "\(launch.errors)")
        files.append(try Data(contentsOf: output))
      }
      for file in files.dropFirst() { #expect(file == files[0]) }
      let report = folder.appending(path: "\(alpha).json")
      let evaluation = try rankwise(
        [
          "evaluate", folder.appending(path: "\(alpha)-3.onnx").path, "--data",
          Self.example.appending(path: "test-images.npy").path, "--samples", "32", "--reference", Self.model,
          "--report", report.path,
        ] + Self.normalization)
      #expect(evaluation.status == 0, "\(evaluation.errors)")
      let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any]
      errors.append(try #require((json?["outputs"] as? [[String: Any]])?.first?["relativeL2"] as? Double))
    }
    #expect(errors[1] < 0.95 * errors[0], "off \(errors[0]), 0.5 \(errors[1]) with \(options)")
  }

  @Test(
    "every propagation, order, granularity and storage gives a model close to the float one",
    arguments: [
      ["--propagate", "float", "--order", "pivot"], ["--granularity", "tensor", "--bits", "8"],
      ["--granularity", "group", "--group-size", "16"],
      ["--granularity", "group", "--group-size", "7", "--storage", "packed"],
      ["--storage", "packed", "--symmetric", "--grid", "l24"],
      ["--method", "obq", "--order", "auto"],
      ["--no-output-correction", "--bits-for", "first=8", "--keep", "last"],
    ])
  func options(options: [String]) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appending(path: "out.onnx")
    let launch = try quantize(output, ranks: 2, options)
    #expect(launch.status == 0, "\(launch.errors)")
    let report = folder.appending(path: "report.json")
    let evaluation = try rankwise(
      [
        "evaluate", output.path, "--data", Self.example.appending(path: "test-images.npy").path, "--samples", "32",
        "--reference", Self.model, "--report", report.path,
      ] + Self.normalization)
    #expect(evaluation.status == 0, "\(evaluation.errors)")
    let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any]
    let outputs = try #require(json?["outputs"] as? [[String: Any]])
    // Plain rounding to 4 bits is about 0.15 off; a wrong layout, scale or zero point is off by more than 0.5.
    let error = try #require(outputs.first?["relativeL2"] as? Double)
    #expect(error > 0 && error < 0.12, "relative error \(error) with \(options)")
  }

  @Test("compensation loses less than plain rounding at 3 bits")
  func lessThanRounding() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var errors: [Double] = []
    for method in ["compensate", "round"] {
      let output = folder.appending(path: "\(method).onnx")
      let report = folder.appending(path: "\(method).json")
      #expect(try quantize(output, ["--bits", "3", "--method", method]).status == 0)
      let evaluation = try rankwise(
        [
          "evaluate", output.path, "--data", Self.example.appending(path: "test-images.npy").path, "--samples", "32",
          "--reference", Self.model, "--report", report.path,
        ] + Self.normalization)
      #expect(evaluation.status == 0)
      let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any]
      errors.append(try #require((json?["outputs"] as? [[String: Any]])?.first?["relativeL2"] as? Double))
    }
    // 24 samples are few; still, what is compensated for shows at the outputs.
    #expect(errors[0] < 0.9 * errors[1], "compensate \(errors[0]), round \(errors[1])")
  }

  @Test("the accuracy of the float example on the first 600 test images is that of onnxruntime", arguments: [3])
  func accuracy(ranks: Int) throws {
    let launch = try rankwise(
      [
        "evaluate", Self.model, "--data", Self.example.appending(path: "test-images.npy").path, "--labels",
        Self.example.appending(path: "test-labels.npy").path, "--samples", "600",
      ] + Self.normalization, ranks: ranks)
    #expect(launch.status == 0, "\(launch.errors)")
    #expect(launch.output.contains("top-1 accuracy: 0.9350 (561 of 600)"), "\(launch.output)")
  }

  @Test(
    "bad input ends every rank in seconds with a clear message, and nothing is written",
    arguments: [
      (["missing.onnx", "--calibration", "x.npy"], "missing.onnx"),
      ([model, "--calibration", "nowhere.npy"], "nowhere.npy"),
      ([model, "--calibration", model], "onnx"),
      ([model, "--calibration", example.appending(path: "test-labels.npy").path], "test-labels.npy"),
      (
        [model, "--calibration", example.appending(path: "calibration.npy").path, "--keep", "layer99.*"], "layer99"
      ),
      ([model, "--calibration", example.appending(path: "calibration.npy").path, "--bits", "9"], "--bits is 9"),
      ([model, "--calibration", example.appending(path: "calibration.npy").path, "--mean", "1,2,3"], "--mean"),
    ])
  func badInput(arguments: [String], text: String) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appending(path: "out.onnx")
    let launch = try rankwise(["quantize"] + arguments + ["--output", output.path], ranks: 3)
    #expect(launch.status != 0)
    #expect(!launch.timedOut)
    #expect(launch.duration < .seconds(30))
    let messages = launch.errors + launch.output
    #expect(messages.contains(text), "\(messages)")
    #expect(messages.components(separatedBy: "rankwise: rank").count <= 2, "one rank speaks: \(messages)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test("a NaN sample is named with the layer, and nothing is written")
  func notANumber() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    // A .npy file, version 1: 40 samples of 1 x 28 x 28 float32, one NaN in sample 37.
    var values = [Float](repeating: 0.5, count: 40 * 784)
    values[37 * 784 + 100] = .nan
    var header = "{'descr': '<f4', 'fortran_order': False, 'shape': (40, 1, 28, 28), }"
    header += String(repeating: " ", count: 117 - header.count) + "\n"
    var file = Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8)
    values.withUnsafeBytes { file.append(contentsOf: $0) }
    let samples = folder.appending(path: "samples.npy")
    try file.write(to: samples)
    let output = folder.appending(path: "out.onnx")
    let launch = try rankwise(
      ["quantize", Self.model, "--calibration", samples.path, "--output", output.path], ranks: 2)
    #expect(launch.status != 0)
    #expect(launch.errors.contains("sample 37"), "\(launch.errors)")
    #expect(launch.errors.contains("Conv_497"), "\(launch.errors)")
    #expect(!FileManager.default.fileExists(atPath: output.path))
  }

  @Test("inspect lists layers with bits and storage of float and quantized models")
  func inspect() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let output = folder.appending(path: "out.onnx")
    #expect(try quantize(output, ["--bits", "3", "--bits-for", "last=8"]).status == 0)
    for (path, bits) in [(Self.model, [32, 32]), (output.path, [3, 8])] {
      let report = folder.appending(path: "inspect.json")
      let launch = try rankwise(["inspect", path, "--report", report.path])
      #expect(launch.status == 0, "\(launch.errors)")
      #expect(launch.output.contains("54 layers, 1470608 weights, 50 stages"), "\(launch.output)")
      let json = try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any]
      let layers = try #require(json?["layers"] as? [[String: Any]])
      #expect([layers.first, layers.last].compactMap { $0?["bits"] as? Int } == bits)
    }
  }
}
