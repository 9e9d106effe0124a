import Foundation
import TestSupport
import Testing

/// Runs `compare` and `sensitivity` on the folder of a tiny language model under mpirun.
@Suite("Layers of language models, end to end", .serialized)
struct LanguageLayersTests {
  /// A folder of its own with a model, token ids and a text, removed with the last reference.
  private final class Work {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    var model: String { folder.appending(path: "model").path }
    var tokens: String { folder.appending(path: "tokens.npy").path }
    var text: String { folder.appending(path: "text.txt").path }

    init() throws {
      try TinyLlama.write(to: folder.appending(path: "model"))
      try TinyLlama.tokens(sequences: 16, length: 32).write(to: URL(filePath: tokens))
      try Data((0..<2000).map { UInt8(65 + ($0 * $0 / 7) % 58) }).write(to: URL(filePath: text))
    }

    deinit { try? FileManager.default.removeItem(at: folder) }

    func run(_ arguments: [String], ranks: Int = 1) throws -> Launch {
      try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, timeout: .seconds(240))
    }

    /// The report of a run without what depends on ranks. Threads do: ranks that are not bound share the node's cores.
    func report(_ arguments: [String], ranks: Int) throws -> (json: [String: Any], output: String) {
      let file = folder.appending(path: "report.json")
      let launch = try run(arguments + ["--report", file.path], ranks: ranks)
      #expect(launch.status == 0, "\(launch.errors)")
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: file)) as? [String: Any]
      var kept = try #require(json)
      for key in ["ranks", "threads", "phases"] { kept[key] = nil }
      if let variants = kept["variants"] as? [[String: Any]] {
        kept["variants"] = variants.map { $0.filter { $0.key != "seconds" } }
      }
      return (kept, launch.output)
    }
  }

  @Test("compare finds the same losses, logits and choices of tokens at 1, 2 and 3 ranks")
  func compare() throws {
    let work = try Work()
    let arguments = [
      "compare", work.model, "--calibration", work.tokens, "--bits", "3", "--orders", "natural,pivot", "--grids", "l24",
    ]
    let reports = try (1...3).map { try work.report(arguments, ranks: $0) }
    for report in reports.dropFirst() { #expect(report.json as NSDictionary == reports[0].json as NSDictionary) }
    #expect(reports[0].output.contains("symmetric, groups of 64"), "\(reports[0].output)")
    #expect(reports[0].json["granularity"] as? String == "group of 64")
    let layers = try #require(reports[0].json["layers"] as? [[String: Any]])
    #expect(layers.count == 14)
    // Modules keep their biases, or have none.
    #expect(layers.allSatisfy { $0["hasBias"] as? Bool == false })
    let variants = try #require(reports[0].json["variants"] as? [[String: Any]])
    var errors: [String: Double] = [:]
    for entry in variants {
      let variant = try #require(entry["variant"] as? [String: Any])
      let output = try #require((entry["outputs"] as? [[String: Any]])?.first)
      #expect(output["name"] as? String == "logits")
      let method = try #require(variant["method"] as? String)
      errors[method] = min(errors[method] ?? .infinity, try #require(output["relativeL2"] as? Double))
      let agreement = try #require(entry["agreement"] as? Double)
      #expect(agreement > 0.2 && agreement <= 1, "\(variant)")
    }
    #expect(try #require(errors["compensate"]) < 0.9 * #require(errors["round"]), "\(errors)")
  }

  @Test("sequences are drawn from a text; sensitivity maps are the same bytes at 1 and 3 ranks")
  func sensitivity() throws {
    let work = try Work()
    var sheets: [Data] = []
    var reports: [[String: Any]] = []
    for ranks in [1, 3] {
      let sheet = work.folder.appending(path: "sheet.png")
      var (report, output) = try work.report(
        [
          "sensitivity", work.model, "--calibration", work.text, "--sequence-length", "32", "--samples", "12",
          "--output",
          sheet.path,
        ], ranks: ranks)
      #expect(output.contains("sequences of 32 tokens: 12 for calibration"), "\(output)")
      report["seconds"] = nil
      reports.append(report)
      sheets.append(try Data(contentsOf: sheet))
    }
    #expect(sheets[0] == sheets[1])
    #expect(reports[0] as NSDictionary == reports[1] as NSDictionary)
  }

  @Test("what cannot be compared ends all ranks with a message that names it")
  func refused() throws {
    let work = try Work()
    let compare = ["compare", work.model]
    for (arguments, message) in [
      (compare, "--calibration"), (compare + ["--calibration", work.tokens, "--variant", "bias=corrected"], "biases"),
      (compare + ["--calibration", work.tokens, "--layers", "*nowhere*"], "nowhere"),
      (compare + ["--calibration", work.text, "--sequence-length", "65"], "64 at most"),
      (compare + ["--calibration", work.text, "--samples", "900"], "text.txt"),
      (
        ["sensitivity", work.model, "--calibration", work.tokens, "--output", "x", "--group-size", "0"], "--group-size"
      ),
    ] {
      let launch = try work.run(arguments, ranks: 2)
      #expect(launch.status != 0 && !launch.timedOut)
      #expect((launch.errors + launch.output).contains(message), "\(message): \(launch.errors)")
    }
  }
}
