import Foundation
import TestSupport
import Testing

@testable import Coordination

/// Runs that end before they are complete, and go on.
@Suite("Journal", .serialized)
struct JournalTests {
  /// A model, its tokens and a place for the output.
  private struct Place {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    let output: URL
    private let model: URL
    private let calibration: URL

    init(experts: Bool = false) throws {
      (model, calibration, output) = (
        folder.appending(path: "model"), folder.appending(path: "tokens.npy"), folder.appending(path: "output")
      )
      if experts { try TinyExperts.write("qwen3_moe", to: model) } else { try TinyLlama.write(to: model) }
      try TinyLlama.tokens(sequences: 24, length: 32).write(to: calibration)
    }

    func remove() { try? FileManager.default.removeItem(at: folder) }

    func run(
      ranks: Int, _ more: [String] = [], rehearsing: String? = nil, output: URL? = nil
    ) throws -> Launch {
      try mpirun(
        ranks: ranks, executable: try builtExecutable(named: "rankwise"),
        arguments: [
          "quantize", model.path, "--calibration", calibration.path, "--output", (output ?? self.output).path,
          "--threads", "1",
        ] + more, environment: rehearsing.map { ["RANKWISE_REHEARSE": $0] } ?? [:], timeout: .seconds(240))
    }

    var journal: URL { URL(filePath: output.path + ".rankwise") }

    /// All bytes of a folder's files.
    static func bytes(_ folder: URL) throws -> [String: Data] {
      let names = try FileManager.default.contentsOfDirectory(atPath: folder.path)
      return try Dictionary(uniqueKeysWithValues: names.map { ($0, try Data(contentsOf: folder.appending(path: $0))) })
    }
  }

  @Test(
    "a run whose rank was killed behind any stage goes on, at other ranks, to the bytes of one that was not",
    arguments: [(1, 2, 1), (4, 2, 3), (8, 3, 2)])
  func killed(stage: Int, before: Int, after: Int) throws {
    let place = try Place()
    defer { place.remove() }
    let whole = place.folder.appending(path: "whole")
    #expect(try place.run(ranks: 1, output: whole).status == 0)
    let end = try place.run(ranks: before, rehearsing: "kill@\(stage)")
    #expect(end.status != 0 && !end.timedOut)
    #expect(!FileManager.default.fileExists(atPath: place.output.path))
    // What was finished is not lost by accident.
    let refused = try place.run(ranks: 1)
    #expect(refused.status != 0 && refused.errors.contains("--resume") && refused.errors.contains("--restart"))
    let resumed = try place.run(ranks: after, ["--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("resumed: \(stage) of 8 stages"), "\(resumed.output)")
    #expect(try Place.bytes(place.output) == Place.bytes(whole))
    #expect(
      try FileManager.default.contentsOfDirectory(atPath: place.folder.path).sorted()
        == ["model", "output", "tokens.npy", "whole"])
  }

  @Test("experts and float activations go on too", arguments: [(true, "quantized"), (false, "float")])
  func kinds(experts: Bool, propagation: String) throws {
    let place = try Place(experts: experts)
    defer { place.remove() }
    let whole = place.folder.appending(path: "whole")
    let options = ["--propagate", propagation]
    #expect(try place.run(ranks: 2, options, output: whole).status == 0)
    // With float activations all stages are finished together.
    let stage = propagation == "float" ? 8 : 3
    #expect(try place.run(ranks: 2, options, rehearsing: "kill@\(stage)").status != 0)
    let resumed = try place.run(ranks: 1, options + ["--resume"])
    #expect(resumed.status == 0 && resumed.output.contains("resumed: \(stage) of"), "\(resumed.errors)")
    #expect(try Place.bytes(place.output) == Place.bytes(whole))
  }

  @Test("the report of a resumed run has the losses of one that was not interrupted")
  func report() throws {
    let place = try Place()
    defer { place.remove() }
    func layers(_ name: String) throws -> [[String: String]] {
      let data = try Data(contentsOf: place.folder.appending(path: name))
      let report = try JSONDecoder().decode(QuantizationReport.self, from: data)
      return report.layers.map {
        [
          $0.name: "\($0.relativeLoss) \($0.predictedLoss ?? -1) \($0.heldOutLoss ?? -1) \($0.drift ?? -1)",
          "damping": "\($0.damping)",
        ]
      }
    }
    let (one, other) = (place.folder.appending(path: "a.json").path, place.folder.appending(path: "b.json").path)
    #expect(try place.run(ranks: 1, ["--report", one], output: place.folder.appending(path: "whole")).status == 0)
    #expect(try place.run(ranks: 1, rehearsing: "kill@5").status != 0)
    #expect(try place.run(ranks: 2, ["--resume", "--report", other]).status == 0)
    #expect(try layers("a.json") == layers("b.json"))
  }

  @Test("SIGUSR1 ends a run behind its stage, with a message that names --resume")
  func stopped() throws {
    let place = try Place()
    defer { place.remove() }
    let whole = place.folder.appending(path: "whole")
    #expect(try place.run(ranks: 1, output: whole).status == 0)
    let end = try place.run(ranks: 2, rehearsing: "stop@3")
    #expect(end.status == 1)
    #expect(end.errors.contains("3 of 8 stages are finished") && end.errors.contains("--resume"), "\(end.errors)")
    #expect(try place.run(ranks: 1, ["--resume"]).status == 0)
    #expect(try Place.bytes(place.output) == Place.bytes(whole))
  }

  @Test("a journal of other options or other samples is refused with what differs; --restart begins again")
  func others() throws {
    let place = try Place()
    defer { place.remove() }
    #expect(try place.run(ranks: 1, rehearsing: "kill@2").status != 0)
    let bits = try place.run(ranks: 1, ["--resume", "--bits", "3", "--damping", "0.1"])
    #expect(bits.status == 1)
    #expect(bits.errors.contains("--bits: 4 in the journal, 3 now"), "\(bits.errors)")
    #expect(bits.errors.contains("--damping: 0.03 in the journal, 0.1 now"), "\(bits.errors)")
    let samples = try place.run(ranks: 1, ["--resume", "--samples", "20"])
    #expect(samples.status == 1 && samples.errors.contains("samples: 24, checksum"), "\(samples.errors)")
    let restarted = try place.run(ranks: 1, ["--restart", "--bits", "3"])
    #expect(restarted.status == 0 && !restarted.output.contains("resumed"), "\(restarted.errors)")
    #expect(!FileManager.default.fileExists(atPath: place.journal.path))
    // Where there is nothing to go on with, --resume begins: a batch script may always say it.
    let fresh = try place.run(ranks: 1, ["--resume"], output: place.folder.appending(path: "other"))
    #expect(fresh.status == 0 && fresh.output.contains("nothing to resume"), "\(fresh.errors)")
  }

  @Test("a last entry that was torn is dropped with a word", arguments: ["line", "file", "missing"])
  func torn(what: String) throws {
    let place = try Place()
    defer { place.remove() }
    let whole = place.folder.appending(path: "whole")
    #expect(try place.run(ranks: 1, output: whole).status == 0)
    #expect(try place.run(ranks: 1, rehearsing: "kill@4").status != 0)
    let last = place.journal.appending(path: "stages-3.layers")
    switch what {
    case "line":
      let lines = place.journal.appending(path: "journal")
      try Data(contentsOf: lines).dropLast(9).write(to: lines)
    case "file":
      var data = try Data(contentsOf: last)
      data[data.count / 2] ^= 1
      try data.write(to: last)
    default: try FileManager.default.removeItem(at: last)
    }
    // And what a commit left that did not come to its end.
    try Data([1, 2, 3]).write(to: place.journal.appending(path: ".stages-4.layers.77.0.partial"))
    let resumed = try place.run(ranks: 2, ["--resume"])
    #expect(resumed.status == 0, "\(resumed.errors)")
    #expect(resumed.output.contains("was dropped") && resumed.output.contains("resumed: 3 of 8"), "\(resumed.output)")
    #expect(try Place.bytes(place.output) == Place.bytes(whole))
  }

  @Test("something else of the journal's name is left alone, and ends the run with its reason")
  func unwritable() throws {
    let place = try Place()
    defer { place.remove() }
    try Data([1]).write(to: place.journal)
    let file = try place.run(ranks: 2, rehearsing: "kill@8")
    #expect(file.status == 1 && file.errors.contains("cannot be removed"), "\(file.errors)")
    #expect(try Data(contentsOf: place.journal) == Data([1]))
    try FileManager.default.removeItem(at: place.journal)
    try FileManager.default.createDirectory(at: place.journal, withIntermediateDirectories: true)
    try Data([2]).write(to: place.journal.appending(path: "mine"))
    let folder = try place.run(ranks: 2)
    #expect(folder.status == 1 && folder.errors.contains("cannot be removed"), "\(folder.errors)")
    #expect(try Data(contentsOf: place.journal.appending(path: "mine")) == Data([2]))
  }

  @Test("checksums are those of XXH64, in whatever pieces the bytes come")
  func checksums() {
    func sum(_ text: String) -> UInt64 {
      var sum = Checksum()
      sum.add(text)
      return sum.value
    }
    #expect(sum("") == 0xEF46_DB37_51D8_E999)
    #expect(sum("a") == 0xD24E_C4F1_A98C_6E5B)
    #expect(sum("abc") == 0x44BC_2CF5_AD77_0999)
    #expect(sum("Nobody inspects the spammish repetition") == 0xFBCE_A83C_8A37_8BF1)
    let bytes = (0..<1000).map { UInt8(truncatingIfNeeded: $0 * 7 + $0 / 3) }
    let whole = bytes.withUnsafeBytes { Checksum.of($0) }
    for step in [1, 7, 31, 32, 33, 500] {
      var sum = Checksum()
      for start in stride(from: 0, to: bytes.count, by: step) {
        bytes[start..<min(start + step, bytes.count)].withUnsafeBytes { sum.add($0) }
      }
      #expect(sum.value == whole)
    }
  }
}
