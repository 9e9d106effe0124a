import Foundation
import TestSupport
import Testing

@testable import Coordination

/// What is recorded of a run, and what it says.
@Suite("Trace", .serialized)
struct TraceTests {
  private func folder() throws -> URL {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    return folder
  }

  private func rankwise(_ arguments: [String], ranks: Int = 1, _ environment: [String: String] = [:]) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: arguments, environment: environment,
      timeout: .seconds(240))
  }

  /// Times of ranks, all in one part.
  private func times(_ ranks: [[Phase: Double]], elapsed: Double) -> RankTimes {
    let largest = Phase.allCases.map { phase in ranks.map { $0[phase] ?? 0 }.max()! }
    return RankTimes(
      flat: ranks.flatMap { rank in Phase.allCases.map { rank[$0] ?? 0 } + [elapsed] }, largestByPart: largest)
  }

  @Test("efficiencies are those of POP, and what is lost most is named", arguments: [Phase.factor, .broadcast])
  func efficiency(lost: Phase) throws {
    let ranks: [[Phase: Double]] =
      lost == .factor
      ? [[.forward: 4, .factor: 4, .gather: 1], [.forward: 4, .gather: 1]]
      : [[.forward: 4, .broadcast: 5, .solve: 1], [.forward: 5, .broadcast: 4]]
    let result = try #require(ParallelEfficiency(times(ranks, elapsed: 10)))
    let (useful, moving) = lost == .factor ? ([8.0, 4], 1.0) : ([5, 5], 4.5)
    let mean = (useful[0] + useful[1]) / 2
    #expect(abs(result.loadBalance - mean / useful[0]) < 1e-12)
    #expect(abs(result.communicationEfficiency - useful[0] / 10) < 1e-12)
    #expect(abs(result.parallelEfficiency - result.loadBalance * result.communicationEfficiency) < 1e-12)
    #expect(abs(result.communicationShare - moving / 10) < 1e-12)
    #expect(abs(result.waitingShare - (1 - mean / 10 - moving / 10)) < 1e-12)
    #expect(result.advice.contains("most is lost in \(lost.rawValue)"), "\(result.advice)")
    #expect(ParallelEfficiency(times([[.forward: 1]], elapsed: 1)) == nil)
  }

  @Test("nothing is advised where nothing costs much")
  func nothing() throws {
    // 3 % in messages, 2 % of waiting, 88 % of computing, 7 % that every rank does for all.
    let rank: [Phase: Double] = [.forward: 88, .reduce: 3, .read: 5]
    let result = try #require(ParallelEfficiency(times([rank, rank], elapsed: 100)))
    #expect(result.advice.hasPrefix("nothing is worth a change"), "\(result.advice)")
    #expect(result.advice.contains("4 % of the run"), "\(result.advice)")
  }

  @Test("small losses of one cause are advised on together")
  func together() throws {
    let rank: [Phase: Double] = [.forward: 88, .reduce: 4, .broadcast: 3.5, .gather: 0.1]
    let result = try #require(ParallelEfficiency(times([rank, rank], elapsed: 100)))
    #expect(result.advice.contains("most is lost in reduce and broadcast (8 % of the run)"), "\(result.advice)")
    let uneven = try #require(
      ParallelEfficiency(
        times([[.forward: 52, .measure: 46], [.forward: 46, .measure: 40]], elapsed: 100)))
    #expect(uneven.advice.contains("in forward and measure (6 % of the run)"), "\(uneven.advice)")
  }

  @Test("waiting that no phase explains is named where it costs most")
  func waiting() throws {
    let rank: [Phase: Double] = [.forward: 70, .reduce: 6]
    let result = try #require(ParallelEfficiency(times([rank, rank], elapsed: 100)))
    #expect(result.advice.contains("waiting that no phase explains (24 % of the run)"), "\(result.advice)")
  }

  @Test("work that every rank does for all is a loss")
  func repeated() throws {
    let rank: [Phase: Double] = [.forward: 80, .replace: 20]
    let result = try #require(ParallelEfficiency(times([rank, rank], elapsed: 100)))
    #expect(result.parallelEfficiency == 1 && result.advice.contains("most is lost in replace (10 % of the run)"))
  }

  @Test("a rank that is slow in one part and fast in another is not taken for balanced")
  func unevenParts() {
    // Two ranks factor for 3 s each, one in each part.
    let width = Phase.allCases.count
    var largest = [Double](repeating: 0, count: 2 * width)
    (largest[Phase.factor.index], largest[width + Phase.factor.index]) = (3, 3)
    let rank = Phase.allCases.map { $0 == .factor ? 3.0 : 0 } + [6]
    #expect(RankTimes(flat: rank + rank, largestByPart: largest).uneven(.factor) == 3)
  }

  @Test("a clock that is ahead and drifts is brought to rank 0's")
  func clocks() {
    let drift = ClockDrift(begin: (offset: 1000, time: 0), end: (offset: 3000, time: 1_000_000))
    #expect(drift.aligned(0) == -1000 && drift.aligned(500_000) == 498_000 && drift.aligned(1_000_000) == 997_000)
  }

  @Test("time on the way counts once, and is hidden where the rank computes")
  func overlap() {
    // On the way from 1 to 4 and from 6 to 7; computing from 0 to 2, from 3 to 3.5 and from 5 to 8.
    let (total, hidden) = TransferOverlap.spans(
      [(2.0, 4), (1, 3), (6, 7)], [(0, 2), (3, 3.5), (5, 8)])
    #expect(total == 4 && hidden == 1 + 0.5 + 1)
    #expect(TransferOverlap.spans([(1, 2)], []) == (1, 0))
    #expect(TransferOverlap(means: [(0, 0)]) == nil)
    #expect(TransferOverlap(means: [(3, 1), (0, 0)])! == TransferOverlap(means: [(1.5, 0.5)])!)
  }

  @Test("the trace of 3 ranks on 2 nodes has their phases without overlaps, and says what the run's report says")
  func trace() throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let (model, tokens) = (folder.appending(path: "model"), folder.appending(path: "tokens.npy"))
    let (trace, report, again) = (
      folder.appending(path: "trace.json"), folder.appending(path: "report.json"), folder.appending(path: "again.json")
    )
    try TinyLlama.write(to: model)
    try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    let run = try rankwise(
      [
        "quantize", model.path, "--calibration", tokens.path, "--output", folder.appending(path: "out").path, "--trace",
        trace.path, "--report", report.path,
      ], ranks: 3, ["RANKWISE_RANKS_PER_NODE": "2"])
    #expect(run.status == 0 && run.output.contains("parallel efficiency"), "\(run.errors)")

    let json = try #require(try JSONSerialization.jsonObject(with: Data(contentsOf: trace)) as? [String: Any])
    let events = try #require(json["traceEvents"] as? [[String: Any]])
    for (rank, node) in [(0, 0), (1, 0), (2, 1)] {
      let own = events.filter { $0["tid"] as? Int == rank && $0["ph"] as? String == "X" }
      #expect(own.allSatisfy { $0["pid"] as? Int == node })
      #expect(own.filter { $0["name"] as? String == "run" }.count == 1)
      let names = Set(own.compactMap { $0["name"] as? String })
      #expect(names.isSuperset(of: ["read", "forward", "hessian", "factor", "gather", "measure"]))
      let spans = own.filter { $0["name"] as? String != "run" }
        .compactMap { event in
          (event["ts"] as? Double).flatMap { ts in (event["dur"] as? Double).map { (ts, ts + $0) } }
        }
        .sorted { $0.0 < $1.0 }
      // Half a microsecond for times that were rounded.
      #expect(zip(spans, spans.dropFirst()).allSatisfy { $0.1 <= $1.0 + 0.5 })
    }

    // What went from node to node, at the owners and at the leaders of the others.
    let transfers = events.filter { $0["cat"] as? String == "transfer" }
    for part in ["factors of ", "corrections of "] {
      let own = transfers.filter { ($0["name"] as? String)?.hasPrefix(part) == true }
      #expect(own.contains { $0["pid"] as? Int == 0 } && own.contains { $0["pid"] as? Int == 1 }, "\(part)")
    }
    let ids = Dictionary(grouping: transfers) { $0["id"] as? String ?? "" }
    #expect(ids[""] == nil && ids.values.allSatisfy { $0.compactMap { $0["ph"] as? String } == ["b", "e"] })

    let summary = try rankwise(["trace", trace.path, "--report", again.path])
    #expect(summary.status == 0 && summary.output.contains("Parts that took longest"), "\(summary.errors)")
    func phases(_ url: URL) throws -> [String: [Double]] {
      let json = try JSONSerialization.jsonObject(with: Data(contentsOf: url)) as? [String: Any]
      let times = try #require(json?["rankTimes"] as? [String: Any])
      return try #require(times["phaseSeconds"] as? [String: [Double]])
    }
    func overlap(_ url: URL) throws -> TransferOverlap {
      struct Overlap: Decodable { var factorTransfers: TransferOverlap }
      return try JSONDecoder().decode(Overlap.self, from: Data(contentsOf: url)).factorTransfers
    }
    let (before, after) = (try overlap(report), try overlap(again))
    #expect(abs(before.seconds - after.seconds) < 1e-3 && abs(before.hidden - after.hidden) < 1e-3)
    #expect(before.seconds > 0 && run.output.contains("% of it while it computed"))
    let (told, read) = (try phases(report), try phases(again))
    #expect(told.keys.sorted() == read.keys.sorted())
    for (phase, seconds) in told {
      #expect(zip(seconds, try #require(read[phase])).allSatisfy { abs($0 - $1) < 1e-3 }, "\(phase)")
    }
  }

  @Test(
    "what is no trace is refused with what is wrong",
    arguments: [
      ("", "the document ends"), ("{\"traceEvents\": 3}", "traceEvents"),
      ("{\"traceEvents\": [{\"ph\": \"X\", \"name\": \"nap\"}]}", "\"nap\" is no phase"),
      ("{\"traceEvents\": [{\"ph\": \"X\", \"name\": \"run\", \"tid\": -1}]}", "event 0: tid"),
      (
        "{\"traceEvents\": [{\"ph\": \"X\", \"name\": \"run\", \"tid\": 0, \"ts\": 0, \"dur\": 1}, "
          + "{\"ph\": \"e\", \"cat\": \"transfer\", \"id\": \"0.0\", \"tid\": 0, \"ts\": 0}]}",
        "event 1: transfer 0.0 ends before it begins"
      ),
      ("{\"traceEvents\": [{\"ph\": \"X\", \"name\": \"solve\", \"tid\": 1, \"ts\": 0, \"dur\": 1}]}", "0 of 2 ranks"),
    ])
  func refused(content: String, message: String) throws {
    let folder = try folder()
    defer { try? FileManager.default.removeItem(at: folder) }
    let file = folder.appending(path: "trace.json")
    try Data(content.utf8).write(to: file)
    let error = #expect(throws: CoordinationError.self) { try TraceSummary(file: file.path) }
    #expect(error?.description.contains(message) == true, "\(error?.description ?? "")")
  }
}
