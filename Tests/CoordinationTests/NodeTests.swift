import Foundation
import TestSupport
import Testing

/// Quantizes a tiny language model on ranks that pretend to be on several nodes.
@Suite("Nodes", .serialized)
struct NodeTests {
  /// What each way to place ranks must say of the factors.
  struct Placement: Sendable, CustomTestStringConvertible {
    var ranks: Int
    var environment: [String: String]
    var says: String
    var testDescription: String { "\(ranks) ranks, \(environment)" }
  }

  private func quantize(_ folder: URL, ranks: Int, _ environment: [String: String]) throws -> (Launch, [String: Data]) {
    let (model, tokens, output) = (
      folder.appending(path: "model"), folder.appending(path: "tokens.npy"), folder.appending(path: UUID().uuidString)
    )
    if !FileManager.default.fileExists(atPath: tokens.path) {
      try TinyLlama.write(to: model)
      try TinyLlama.tokens(sequences: 24, length: 32).write(to: tokens)
    }
    let launch = try mpirun(
      ranks: ranks, executable: try builtExecutable(named: "rankwise"),
      arguments: ["quantize", model.path, "--calibration", tokens.path, "--output", output.path],
      environment: environment, timeout: .seconds(240))
    let names = (try? FileManager.default.contentsOfDirectory(atPath: output.path)) ?? []
    let files = try names.map { ($0, try Data(contentsOf: output.appending(path: $0))) }
    return (launch, Dictionary(uniqueKeysWithValues: files))
  }

  @Test("the output has the same bytes however ranks are spread over nodes and whether or not they share memory")
  func sameBytes() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (single, expected) = try quantize(folder, ranks: 1, [:])
    #expect(single.status == 0, "\(single.errors)")
    #expect(expected["model.safetensors"] != nil)
    #expect(!single.output.contains("factors: "))
    for placement in [
      Placement(ranks: 3, environment: [:], says: "one copy on each of 1 node"),
      Placement(ranks: 3, environment: ["RANKWISE_RANKS_PER_NODE": "1"], says: ", 3 nodes"),
      Placement(ranks: 4, environment: ["RANKWISE_RANKS_PER_NODE": "2"], says: "one copy on each of 2 nodes"),
      Placement(ranks: 5, environment: ["RANKWISE_RANKS_PER_NODE": "2"], says: "one copy on each of 3 nodes"),
      Placement(ranks: 3, environment: ["RANKWISE_SHARED_MEMORY": "off"], says: "a copy for each rank"),
      Placement(ranks: 3, environment: ["RANKWISE_FACTOR": "node"], says: "one copy on each of 1 node"),
      Placement(
        ranks: 4, environment: ["RANKWISE_FACTOR": "node", "RANKWISE_RANKS_PER_NODE": "2"],
        says: "one copy on each of 2 nodes"),
      // Room to factor together, and none to share the factors.
      Placement(
        ranks: 4, environment: ["RANKWISE_FACTOR": "copies", "RANKWISE_RANKS_PER_NODE": "2"],
        says: "a copy for each rank"),
      // Sums of nodes with several ranks are added between their leaders.
      Placement(ranks: 7, environment: ["RANKWISE_RANKS_PER_NODE": "3"], says: "one copy on each of 3 nodes"),
    ] {
      let (launch, files) = try quantize(folder, ranks: placement.ranks, placement.environment)
      #expect(launch.status == 0, "\(placement): \(launch.errors)")
      #expect(files == expected, "\(placement)")
      #expect(launch.output.contains(placement.says), "\(placement): \(launch.output)")
    }
  }

  @Test("ranks of a node may have different numbers of threads: the output has the same bytes")
  func unequalThreads() throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (single, expected) = try quantize(folder, ranks: 1, [:])
    #expect(single.status == 0, "\(single.errors)")
    let output = folder.appending(path: "unequal")
    let launch = try mpirun(
      ranks: 2, executable: URL(filePath: "/bin/bash"),
      arguments: [
        "-c", "exec \"$0\" \"$@\" --threads $((3 - 2 * OMPI_COMM_WORLD_RANK))",
        try builtExecutable(named: "rankwise").path, "quantize", folder.appending(path: "model").path, "--calibration",
        folder.appending(path: "tokens.npy").path, "--output", output.path,
      ], environment: [:], timeout: .seconds(60))
    #expect(launch.status == 0, "\(launch.errors)")
    for (name, content) in expected {
      #expect(try Data(contentsOf: output.appending(path: name)) == content, "\(name)")
    }
  }

  @Test(
    "a factorization that fails ends all ranks, those that wait for its factor too",
    arguments: [
      Placement(ranks: 1, environment: [:], says: ""),
      Placement(ranks: 3, environment: ["RANKWISE_RANKS_PER_NODE": "1"], says: ""),
      Placement(ranks: 4, environment: ["RANKWISE_RANKS_PER_NODE": "2"], says: ""),
      Placement(ranks: 4, environment: ["RANKWISE_RANKS_PER_NODE": "2", "RANKWISE_FACTOR": "node"], says: ""),
      Placement(ranks: 3, environment: ["RANKWISE_SHARED_MEMORY": "off"], says: ""),
    ])
  func failure(placement: Placement) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (launch, files) = try quantize(
      folder, ranks: placement.ranks, placement.environment.merging(["RANKWISE_REHEARSE": "fail@3"]) { $1 })
    #expect(launch.status != 0 && !launch.timedOut && files.isEmpty, "\(placement)")
    let messages = launch.errors.split(separator: "\n").filter { $0.contains("a failure that is rehearsed") }
    #expect(messages.count == 1 && messages[0].contains("layers.0.mlp"), "\(placement): \(launch.errors)")
    #expect(launch.duration < .seconds(30), "\(placement)")
  }

  @Test(
    "a variable that means nothing ends the run before any work",
    arguments: [
      ("RANKWISE_RANKS_PER_NODE", "0"), ("RANKWISE_RANKS_PER_NODE", "two"), ("RANKWISE_SHARED_MEMORY", "no"),
      ("RANKWISE_FACTOR", "all"),
    ])
  func badVariable(name: String, value: String) throws {
    let folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: folder) }
    let (launch, files) = try quantize(folder, ranks: 2, [name: value])
    #expect(launch.status == 1)
    #expect(launch.errors.contains("\(name) is \"\(value)\"; it must be "), "\(launch.errors)")
    #expect(files.isEmpty)
  }
}
