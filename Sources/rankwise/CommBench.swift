import ArgumentParser
import Coordination
import Foundation
import MPI

extension CommBenchOperation: ExpressibleByArgument {}
extension Pipeline.Shape: ExpressibleByArgument {}

/// `rankwise comm-bench`.
struct CommBench: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Measures how fast the ranks exchange what a run exchanges, and checks every element.",
    discussion: """
      pipelined: a factor to all nodes as a run sends it. broadcast: the same with MPI_Bcast. reduce: sums of Hessians to \
      their owner. gather, allgather: rows to rank 0, or to all ranks. Ends with status 1 if an element arrives that was \
      not sent.
      """)

  @Option(
    help: ArgumentHelp(
      "What is measured, comma-separated: \(CommBenchOperation.allCases.map(\.rawValue).joined(separator: ", ")).",
      valueName: "list"))
  var operations = "pipelined,broadcast,reduce,allgather"

  @Option(
    help: ArgumentHelp("Bytes: a list of sizes and ranges such as 64KiB..64MiB.", valueName: "sizes"))
  var sizes: SizeList?

  @Option(help: "What the next size of a range is multiplied by.")
  var factor = 4

  @Option(
    help: ArgumentHelp(
      "In place of --sizes: columns of input groups, comma-separated; sizes are those of their factors, sums and codes.",
      valueName: "list"))
  var columns: String?

  @Option(help: "Measured repetitions.")
  var repeats = 10

  @Option(help: "Repetitions before these that do not count.")
  var warmUp = 2

  @Option(help: "Who forwards to whom in the pipeline: chain, tree (default: the one of less estimated time).")
  var shape: Pipeline.Shape?

  @Option(
    help: ArgumentHelp("A segment of the pipeline, such as 256KiB (default: by size and ranks).", valueName: "size"))
  var segment: String?

  @Option(help: "Segments of the pipeline on their way to each receiver.")
  var sends = Pipeline().sendsInFlight

  @Option(help: "Write the table to this file: .csv, or JSON.")
  var report: String?

  func validate() throws { _ = try options() }

  mutating func run() throws {
    let options = try options()
    MPIEnvironment.run { world in
      show(try Banner.lines(version: Rankwise.version, threads: 1, world), on: world)
      let isCoordinator = world.rank == 0
      try CommBenchRun(options).run(world) { lines in
        guard isCoordinator else { return }
        for line in lines { print(line) }
        fflush(nil)
      }
    }
  }

  private func options() throws -> CommBenchOptions {
    if !(1...10_000).contains(repeats) { throw ValidationError("--repeats is \(repeats); it must be 1 to 10000") }
    if !(0...10_000).contains(warmUp) { throw ValidationError("--warm-up is \(warmUp); it must be 0 to 10000") }
    if !(2...1024).contains(factor) { throw ValidationError("--factor is \(factor); it must be 2 to 1024") }
    if !(1...1024).contains(sends) { throw ValidationError("--sends is \(sends); it must be 1 to 1024") }
    if sizes != nil, columns != nil { throw ValidationError("give --sizes or --columns, not both") }
    var options = CommBenchOptions(
      sizes: try columns.map { .columns(try Self.columns($0)) }
        ?? .bytes((sizes ?? SizeList(argument: "64KiB..64MiB")!).sizes(factor: factor)))
    options.operations = try operations.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let operation = CommBenchOperation(rawValue: String(word)) else {
        throw ValidationError(
          "--operations: \"\(word)\" is none of "
            + CommBenchOperation.allCases.map(\.rawValue).joined(separator: ", "))
      }
      return operation
    }
    let segmentBytes = try segment.map { text in
      guard let bytes = SizeList.bytes(text) else {
        throw ValidationError("--segment is \"\(text)\"; it must be a size such as 256KiB")
      }
      return bytes
    }
    options.pipeline = Pipeline(shape: shape, segmentBytes: segmentBytes, sendsInFlight: sends)
    (options.repeats, options.warmUp, options.report) = (repeats, warmUp, report)
    return options
  }

  private static func columns(_ text: String) throws -> [Int] {
    try text.split(separator: ",", omittingEmptySubsequences: false).map { word in
      guard let number = Int(word), (1...65_536).contains(number) else {
        throw ValidationError("--columns: \"\(word)\" is not a number from 1 to 65536")
      }
      return number
    }
  }
}
