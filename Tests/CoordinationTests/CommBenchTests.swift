import Foundation
import TestSupport
import Testing

@testable import Coordination

@Suite("comm-bench", .serialized)
struct CommBenchTests {
  private func commBench(_ arguments: [String], ranks: Int, _ environment: [String: String] = [:]) throws -> Launch {
    try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"), arguments: ["comm-bench"] + arguments,
      environment: environment)
  }

  private func temporaryFile(_ suffix: String) -> URL {
    FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)\(suffix)")
  }

  @Test("every operation moves the bytes of its size, and every element arrives", arguments: [1, 2, 4])
  func everyOperation(ranks: Int) throws {
    let file = temporaryFile(".json")
    defer { try? FileManager.default.removeItem(at: file) }
    let launch = try commBench(
      [
        "--operations", "pipelined,broadcast,reduce,gather,allgather", "--columns", "3,600", "--repeats", "3",
        "--warm-up", "1", "--report", file.path,
      ], ranks: ranks)
    #expect(launch.status == 0, "\(launch.errors)")
    let report = try JSONDecoder().decode(CommBenchReport.self, from: try Data(contentsOf: file))
    #expect(report.ranks == ranks && report.nodes == 1 && report.repeats == 3)
    #expect(report.entries.map(\.operation) == CommBenchOperation.allCases.flatMap { [$0, $0] })
    // Packed triangles of float32 twice, of int64 with the sums of the inputs, and codes.
    #expect(
      report.entries.map(\.bytes) == [24, 721_200, 24, 721_200, 72, 1_447_200, 9, 360_000, 9, 360_000])
    for entry in report.entries {
      #expect(entry.wrong == 0, "\(entry)")
      #expect(entry.minimum <= entry.median && entry.median <= entry.maximum && entry.minimum >= 0)
      let factor = entry.operation == .gather || entry.operation == .allgather ? Double(ranks - 1) / Double(ranks) : 1
      #expect(abs(entry.busBandwidth - factor * entry.algorithmBandwidth) <= 1e-9 * entry.algorithmBandwidth)
    }
    #expect(launch.output.contains("# operation"), "\(launch.output)")
    #expect(launch.output.split(separator: "\n").filter { $0.hasPrefix("allgather ") }.count == 2)
  }

  @Test(
    "the pipeline delivers whoever forwards, however small the segments, and however ranks share memory",
    arguments: [
      (["--shape", "tree", "--segment", "16KiB", "--sends", "1"], [:]),
      (["--shape", "chain", "--segment", "1B"], ["RANKWISE_RANKS_PER_NODE": "1"]),
      (["--shape", "chain", "--sends", "7"], ["RANKWISE_RANKS_PER_NODE": "2"]),
      ([], ["RANKWISE_SHARED_MEMORY": "off"]),
    ])
  func pipelines(arguments: [String], environment: [String: String]) throws {
    let file = temporaryFile(".csv")
    defer { try? FileManager.default.removeItem(at: file) }
    let sizes = arguments.contains("1B") ? "64B..256B" : "4KiB,64KiB..1MiB"
    let launch = try commBench(
      [
        "--operations", "pipelined", "--sizes", sizes, "--factor", "2", "--repeats", "2", "--warm-up", "0", "--report",
        file.path,
      ] + arguments, ranks: 4, environment)
    #expect(launch.status == 0, "\(launch.errors)")
    let lines = try String(contentsOf: file, encoding: .utf8).split(separator: "\n")
    let wanted = arguments.contains("1B") ? [64, 128, 256] : [4096] + (16...20).map { 1 << $0 }
    #expect(lines.first == "operation,columns,bytes,ranks,nodes,median_s,min_s,max_s,algbw_GBps,busbw_GBps,wrong")
    let nodes = environment["RANKWISE_RANKS_PER_NODE"].map { 4 / Int($0)! } ?? 1
    for (line, bytes) in zip(lines.dropFirst(), wanted) {
      #expect(line.hasPrefix("pipelined,,\(bytes),4,\(nodes),"), "\(line)")
      #expect(line.hasSuffix(",0"), "\(line)")
    }
    #expect(lines.count == wanted.count + 1)
  }

  @Test("an element that was not sent is counted")
  func wrongElements() {
    let pattern = CommBenchPattern(rank: 3, round: 1)
    var elements = [UInt32](repeating: 0, count: 1000)
    pattern.fill(&elements, pattern.word)
    func wrong(_ wanted: CommBenchPattern) -> Int {
      elements.withUnsafeBufferPointer { CommBenchPattern.wrong(in: $0, wanted.word) }
    }
    #expect(wrong(pattern) == 0)
    // Another rank's elements, an older repetition's, and those of another position are wrong everywhere.
    #expect(wrong(CommBenchPattern(rank: 2, round: 1)) == 1000)
    #expect(wrong(CommBenchPattern(rank: 3, round: 0)) == 1000)
    (elements[7], elements[9]) = (elements[9], elements[7])
    elements[999] ^= 1 << 31
    #expect(wrong(pattern) == 3)
  }

  @Test(
    "options that mean nothing are named",
    arguments: [
      (["--sizes", "1MB"], "1MB"), (["--sizes", "2MiB..1MiB"], "2MiB..1MiB"), (["--sizes", "0"], "--sizes"),
      (["--columns", "12,x"], "\"x\""), (["--columns", "12", "--sizes", "1KiB"], "not both"),
      (["--operations", "broadcast,scatter"], "\"scatter\""), (["--segment", "much"], "\"much\""),
      (["--repeats", "0"], "--repeats is 0"), (["--sends", "0"], "--sends is 0"),
    ])
  func badOptions(arguments: [String], text: String) throws {
    let launch = try commBench(arguments, ranks: 1)
    #expect(launch.status == 64)
    #expect(launch.errors.contains(text), "\(launch.errors)")
  }

  @Test("a report that cannot be written ends all ranks")
  func badReport() throws {
    let launch = try commBench(
      ["--sizes", "1KiB", "--repeats", "1", "--report", "/nowhere/report.json"], ranks: 2)
    #expect(launch.status == 1)
    #expect(launch.errors.contains("/nowhere/report.json"), "\(launch.errors)")
  }
}
