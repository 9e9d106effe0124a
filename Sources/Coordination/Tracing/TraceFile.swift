import Foundation
import MPI

/// A file of what every rank did when.
enum TraceFile {
  /// Writes the events of all ranks on rank 0, times by its clock; the file appears whole or not at all. Collective.
  ///
  /// - Parameter begin: The clocks at the beginning of the run.
  static func write(
    _ timer: PhaseTimer, begin: ClockAlignment, nodes: NodeLayout, to path: String, _ world: borrowing Communicator
  ) throws {
    let end = timer.now
    try world.barrier(waiting: .polite)
    let clock = try ClockAlignment(clock: timer, world)
    let own = ChromeEvent.list(
      timer.events, timer.transfers, end: end,
      clocks: ClockDrift(begin: (begin.offset, begin.time), end: (clock.offset, clock.time)),
      node: nodes.nodeOfRank[world.rank], rank: world.rank,
      host: MPIEnvironment.processorName)
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    var lines: [UInt8] = []
    for event in own {
      lines += try encoder.encode(event)
      lines += ",\n".utf8
    }
    let all = try world.gatherv(lines.span, waiting: .polite)
    var error = [max(begin.error, clock.error)]
    try world.allReduce(&error, .maximum)
    try world.collectively {
      guard let all else { return }
      let text = """
        {"displayTimeUnit":"ms","otherData":{"program":"rankwise","ranks":"\(world.size)",\
        "clockErrorNanoseconds":"\(error[0])"},"traceEvents":[

        """
      do {
        try (Data(text.utf8) + Data(all.elements.dropLast(2)) + Data("\n]}\n".utf8))
          .write(to: URL(filePath: path), options: .atomic)
      } catch {
        throw CoordinationError.output(path: path, reason: "the trace cannot be written: \(error.localizedDescription)")
      }
    }
  }
}
