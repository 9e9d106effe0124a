import Foundation
import TestSupport
import Testing

/// Runs `rankwise compare` and `rankwise sensitivity` under mpirun, as a user would.
@Suite("Comparison and sensitivity", .serialized)
struct CompareTests {
  private static let repository = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .deletingLastPathComponent()
  private static let example = repository.appending(path: "Examples/resnet50-fashion")
  private static let model = example.appending(path: "resnet50-fashion.onnx").path
  private static let samples = example.appending(path: "calibration.npy").path
  private static let layers = ["--layers", "first", "--layers", "onnx::Conv_51?", "--layers", "last"]

  private func temporaryFolder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func rankwise(_ arguments: [String], ranks: Int = 1) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
  }

  /// A report without what may differ between numbers of ranks.
  private func numbers(_ report: URL) throws -> [String: Any] {
    var json = try #require(
      try JSONSerialization.jsonObject(with: try Data(contentsOf: report)) as? [String: Any])
    for key in ["phases", "ranks", "threads", "output"] { json[key] = nil }
    if let variants = json["variants"] as? [[String: Any]] {
      json["variants"] = variants.map { $0.filter { $0.key != "seconds" } }
    }
    return json
  }

  private func variants(_ report: URL) throws -> [[String: Any]] {
    try #require(try numbers(report)["variants"] as? [[String: Any]])
  }

  private func loss(_ variant: [String: Any], _ kind: String) throws -> Double {
    try #require((variant["layers"] as? [[String: Any]])?.first?[kind] as? Double)
  }

  @Test("a comparison has the same numbers and table at 1, 2 and 3 ranks and at 2 threads")
  func sameNumbers() throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    var reports: [NSDictionary] = []
    var tables: [Data] = []
    for (ranks, threads) in [(1, 1), (2, 1), (3, 1), (2, 2)] {
      let report = folder.appending(path: "report.json")
      let table = folder.appending(path: "table.csv")
      let launch = try rankwise(
        [
          "compare", Self.model, "--calibration", Self.samples, "--samples", "40", "--bits", "4,2", "--efforts",
          "balanced",
          "--methods",
          "compensate,round", "--orders", "sensitivity,pivot", "--grids", "l24", "--threads", "\(threads)", "--report",
          report.path, "--csv", table.path,
        ] + Self.layers, ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      reports.append(try numbers(report) as NSDictionary)
      tables.append(try Data(contentsOf: table))
    }
    for report in reports.dropFirst() { #expect(report == reports[0]) }
    for table in tables.dropFirst() { #expect(table == tables[0]) }
    // Two baselines and three variants for each number of bits; one line for each of at least three layers, and titles.
    let variants = try #require(reports[0]["variants"] as? [[String: Any]])
    #expect(variants.count == 10)
    let layers = try #require(reports[0]["layers"] as? [[String: Any]])
    #expect(layers.count >= 3)
    #expect(tables[0].filter { $0 == UInt8(ascii: "\n") }.count == 10 * layers.count + 1)
    #expect((variants[0]["toBaseline"] as? [String: Double])?["heldOut"] == 1)
    #expect((variants[1]["toCorrectedBaseline"] as? [String: Double])?["heldOut"] == 1)
    let output = try #require((variants[0]["outputs"] as? [[String: Any]])?.first?["relativeL2"] as? Double)
    #expect(output > 0 && output < 0.5)
  }

  @Test("losses on both parts, with the bias kept and corrected, are the mean squares over the inputs")
  func directSum() throws {
    let fixture = try LayerSetFixture()
    defer { try? FileManager.default.removeItem(at: fixture.folder) }
    let report = fixture.folder.appending(path: "report.json")
    let launch = try rankwise(
      [
        "compare", fixture.path, "--bits", "3", "--held-out", "0.3", "--variant", "method=round", "--variant",
        "method=round,bias=corrected", "--variant", "method=compensate,order=pivot,bias=kept", "--report", report.path,
      ], ranks: 2)
    #expect(launch.status == 0, "\(launch.errors)")
    let variants = try variants(report)
    #expect(variants.count == 5)
    let calibration = 0..<140
    let heldOut = 140..<200
    let mean = (0..<LayerSetFixture.columns).map { column in
      calibration.reduce(0) { $0 + fixture.input($1)[column] } / 140
    }
    let errors = fixture.roundingErrors(bits: 3)
    func direct(_ tokens: Range<Int>, corrected: Bool) -> Double {
      tokens.reduce(0) { sum, token in
        let input = fixture.input(token)
        return errors.reduce(sum) { sum, row in
          let output = row.indices.reduce(0) { $0 + row[$1] * (input[$1] - (corrected ? mean[$1] : 0)) }
          return sum + output * output
        }
      } / Double(tokens.count)
    }
    let rounded = variants.filter { ($0["variant"] as? [String: Any])?["method"] as? String == "round" }
    for (variant, corrected) in zip(rounded, [false, true]) {
      #expect((variant["variant"] as? [String: Any])?["correctsBias"] as? Bool == corrected)
      for (kind, tokens) in [("calibration", calibration), ("heldOut", heldOut)] {
        let expected = direct(tokens, corrected: corrected)
        let found = try loss(variant, kind)
        // Second moments are formed in float32: 60 to 140 products of relative error 6e-8, with cancellation of the mean.
        #expect(abs(found - expected) < 2e-5 * expected, "\(kind): \(found), directly \(expected)")
      }
    }
    // What is compensated on the calibration inputs loses less there, and on inputs of the same kind.
    let compensated = try #require(
      variants.first { ($0["variant"] as? [String: Any])?["order"] as? String == "pivot" })
    for kind in ["calibration", "heldOut"] {
      #expect(try loss(compensated, kind) < 0.8 * loss(rounded[0], kind))
    }
  }

  @Test(
    "what compare cannot do is said clearly, and nothing is written",
    arguments: [
      (["--methods", "magic"], "\"magic\" is not one of compensate, obq, round"),
      (["--orders", "natural,upwards"], "\"upwards\" is not one of sensitivity"),
      (["--grids", ""], "\"\" is not one of minmax"), (["--bits", "4,9"], "bits are a whole number, 2 to 8"),
      (["--dampings=-1"], "damping is a number of at least 0"),
      (["--variant", "ordr=natural"], "\"ordr\" is not one of bits, method"),
      (["--variant", "natural"], "\"natural\" is not KEY=VALUE"),
      (["--variant", "bias=maybe"], "\"maybe\" is not one of corrected, kept"),
      (["--held-out", "1"], "--held-out is 1.0"), (["--granularity", "group"], "--granularity group needs"),
      (["--layers", "nowhere*"], "no layer matches the pattern"), (["--samples", "1"], "too few to hold out"),
    ])
  func hostileArguments(arguments: [String], text: String) throws {
    let folder = try temporaryFolder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let launch = try rankwise(
      [
        "compare", Self.model, "--calibration", Self.samples, "--report", folder.appending(path: "r.json").path,
        "--csv", folder.appending(path: "t.csv").path,
      ] + arguments, ranks: 2)
    #expect(launch.status != 0 && !launch.timedOut)
    #expect((launch.errors + launch.output).contains(text), "\(launch.errors)\(launch.output)")
    #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
  }

  @Test("files of layers that do not fit are named")
  func hostileLayers() throws {
    let fixture = try LayerSetFixture()
    defer { try? FileManager.default.removeItem(at: fixture.folder) }
    for (arguments, text) in [
      ([fixture.path, "--calibration", Self.samples], "leave out --calibration"),
      ([Self.model], "give them with --calibration"),
      ([fixture.folder.appending(path: "none.npz").path], "none.npz"),
      ([fixture.path, "--samples", "1"], "too few to hold out"),
    ] {
      let launch = try rankwise(["compare"] + arguments, ranks: 2)
      #expect(launch.status != 0 && !launch.timedOut)
      #expect((launch.errors + launch.output).contains(text), "\(launch.errors)\(launch.output)")
    }
  }
}
