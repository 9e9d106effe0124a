/// An event of the Trace Event Format ("Trace Event Format", Google, sections "Complete events" and "Metadata events"), which
/// Perfetto and Chrome's tracing page show: processes are nodes, threads are ranks.
struct ChromeEvent: Encodable {
  /// What belongs to an event besides its times.
  struct Arguments: Encodable {
    /// The name of a process or thread, of metadata events.
    var name: String?
    /// The part of the run.
    var part: String?
  }

  var name: String
  /// "compute", "communication", "wait", "run" or "transfer".
  var cat: String?
  /// "X" for an event that lasts, "b" and "e" for the ends of one that others may overlap, "M" for metadata.
  var ph: String
  /// Microseconds of rank 0's clock.
  var ts: Double?
  /// Microseconds.
  var dur: Double?
  /// The node.
  var pid: Int
  /// The rank.
  var tid: Int
  /// Of "b" and "e": which belong together.
  var id: String?
  var args: Arguments?

  /// The events of one rank: its names, its run, its phases and the waiting between them.
  ///
  /// - Parameters:
  ///   - events: In the order of time, none within another.
  ///   - transfers: What was under way beside them.
  ///   - end: Nanoseconds of the rank's clock at the end of its run, which began at 0.
  static func list(
    _ events: [TraceEvent], _ transfers: [TransferEvent] = [], end: Int64, clocks: ClockDrift, node: Int, rank: Int,
    host: String
  ) -> [ChromeEvent] {
    func event(_ name: String, _ cat: String, _ start: Int64, _ duration: Int64, part: String) -> ChromeEvent {
      // Both ends by rank 0's clock, so that an event ends before the next one begins.
      let (begin, end) = (clocks.aligned(start), clocks.aligned(start + duration))
      return ChromeEvent(
        name: name, cat: cat, ph: "X", ts: Double(begin) / 1000, dur: Double(end - begin) / 1000,
        pid: node, tid: rank, args: part.isEmpty ? nil : Arguments(part: part))
    }
    var list = [
      ChromeEvent(name: "process_name", ph: "M", pid: node, tid: rank, args: Arguments(name: "node \(node) (\(host))")),
      ChromeEvent(name: "thread_name", ph: "M", pid: node, tid: rank, args: Arguments(name: "rank \(rank)")),
      event("run", "run", 0, end, part: ""),
    ]
    var last: Int64 = 0
    for phase in events {
      if phase.start - last >= shortestWait {
        list.append(event("wait", "wait", last, phase.start - last, part: phase.part))
      }
      list.append(
        event(
          phase.phase.rawValue, phase.phase.isUseful ? "compute" : "communication", phase.start, phase.duration,
          part: phase.part))
      last = phase.start + phase.duration
    }
    for (number, transfer) in transfers.enumerated() {
      for (ph, time) in [("b", transfer.start), ("e", transfer.start + transfer.duration)] {
        list.append(
          ChromeEvent(
            name: transfer.name, cat: "transfer", ph: ph, ts: Double(clocks.aligned(time)) / 1000, pid: node, tid: rank,
            id: "\(rank).\(number)", args: transfer.part.isEmpty ? nil : Arguments(part: transfer.part)))
      }
    }
    return list
  }

  /// Nanoseconds; shorter gaps are not shown.
  private static let shortestWait: Int64 = 20_000
}
