import Foundation
import JSON

/// What a trace file says about a run: the phases of all ranks, how well they were used, and the parts that took longest.
public struct TraceSummary: Codable, Sendable, Equatable {
  /// One part of the run, such as a stage.
  public struct Part: Codable, Sendable, Equatable {
    /// Its name.
    public var name: String
    /// Seconds from the first rank's beginning to the last one's end.
    public var seconds: Double
    /// The share of all ranks' time in phases that compute.
    public var computing: Double
    /// The share in collective operations.
    public var communicating: Double
  }

  /// Path of the trace.
  public var trace: String
  /// Seconds of each rank by phase.
  public var rankTimes: RankTimes
  /// How well the ranks were used; nil for one.
  public var efficiency: ParallelEfficiency?
  /// How much of the time in which factors were on their way the ranks computed; nil if nothing was.
  public var factorTransfers: TransferOverlap?
  /// The parts, in the order of their beginnings.
  public var parts: [Part]

  /// Reads a file that `--trace` wrote.
  ///
  /// - Throws: `CoordinationError.trace` with what does not fit.
  public init(file path: String) throws {
    trace = path
    let document: JSONValue
    do {
      document = try JSONValue(parsing: [UInt8](Data(contentsOf: URL(filePath: path))))
    } catch let error as JSONError {
      throw CoordinationError.trace(path: path, reason: error.description)
    } catch {
      throw CoordinationError.trace(path: path, reason: "it cannot be read: \(error.localizedDescription)")
    }
    guard case .array(let values)? = document["traceEvents"] else {
      throw CoordinationError.trace(path: path, reason: "it has no array traceEvents; give a file that --trace wrote")
    }
    let events = try values.enumerated().compactMap { index, value in
      do {
        return try ReadEvent(value)
      } catch let problem as ReadEvent.Problem {
        throw CoordinationError.trace(path: path, reason: "event \(index): \(problem.reason)")
      }
    }
    let size = (events.map(\.rank).max() ?? -1) + 1
    let runs = Set(events.filter { $0.kind == .run }.map(\.rank))
    guard size > 0, runs.count == size else {
      throw CoordinationError.trace(path: path, reason: "\(runs.count) of \(size) ranks have an event of their run")
    }
    let width = Phase.allCases.count + 1
    var flat = [Double](repeating: 0, count: size * width)
    for event in events {
      switch event.kind {
      case .run: flat[event.rank * width + width - 1] = event.duration
      case .phase(let phase): flat[event.rank * width + phase.index] += event.duration
      case .wait: break
      }
    }
    rankTimes = RankTimes(flat: flat, largestByPart: Self.largestByPart(events, ranks: size))
    efficiency = ParallelEfficiency(rankTimes)
    do {
      factorTransfers = try Self.transfers(values, events, ranks: size)
    } catch let problem as ReadEvent.Problem {
      throw CoordinationError.trace(path: path, reason: problem.reason)
    }
    parts = Self.parts(events, ranks: size)
  }

  /// What was on its way while ranks computed.
  private static func transfers(
    _ values: [JSONValue], _ events: [ReadEvent], ranks: Int
  ) throws -> TransferOverlap? {
    let transfers = Dictionary(grouping: try ReadTransfer.list(values), by: \.rank)
    let phases = Dictionary(grouping: events, by: \.rank)
    return TransferOverlap(
      means: (0..<ranks).map { rank in
        let computing = (phases[rank] ?? []).compactMap { event -> (Double, Double)? in
          guard case .phase(let phase) = event.kind, phase.isUseful else { return nil }
          return (event.start, event.start + event.duration)
        }
        return TransferOverlap.spans(
          (transfers[rank] ?? []).map { ($0.start, $0.end) }, computing.sorted { $0.0 < $1.0 })
      })
  }

  /// For each part the largest seconds of a rank in all phases.
  private static func largestByPart(_ events: [ReadEvent], ranks: Int) -> [Double] {
    var seconds: [String: [Double]] = [:]
    let width = Phase.allCases.count
    for event in events {
      guard case .phase(let phase) = event.kind else { continue }
      seconds[event.part, default: Array(repeating: 0, count: ranks * width)][event.rank * width + phase.index] +=
        event.duration
    }
    return seconds.values.flatMap { times in
      (0..<width).map { phase in (0..<ranks).map { times[$0 * width + phase] }.max()! }
    }
  }

  private static func parts(_ events: [ReadEvent], ranks: Int) -> [Part] {
    var order: [String] = []
    var ranges: [String: (begin: Double, end: Double, computing: Double, communicating: Double)] = [:]
    for event in events {
      guard case .phase(let phase) = event.kind, !event.part.isEmpty else { continue }
      if ranges[event.part] == nil { order.append(event.part) }
      var range = ranges[event.part] ?? (event.start, event.start, 0, 0)
      range.begin = min(range.begin, event.start)
      range.end = max(range.end, event.start + event.duration)
      if phase.isUseful { range.computing += event.duration } else { range.communicating += event.duration }
      ranges[event.part] = range
    }
    return order.map { name in
      let range = ranges[name]!
      let all = max((range.end - range.begin) * Double(ranks), 1e-12)
      return Part(
        name: name, seconds: range.end - range.begin, computing: range.computing / all,
        communicating: range.communicating / all)
    }
  }

  /// Writes the summary as JSON.
  public func write(to path: String) throws { try JSONReport.write(self, to: path) }

  /// Lines for people; the `longest` parts that took most time.
  public func text(longest: Int = 10) -> [String] {
    var lines = ["Phases, seconds over \(rankTimes.size) \(rankTimes.size == 1 ? "rank" : "ranks")"]
    lines += PhaseTime.table(rankTimes.phases)
    if let efficiency { lines += efficiency.text }
    if let factorTransfers { lines.append(factorTransfers.text) }
    guard !parts.isEmpty else { return lines }
    var table = TextTable(["<part", "seconds", "computing %", "moving %", "waiting %"])
    for part in parts.sorted(by: { $0.seconds > $1.seconds }).prefix(longest) {
      func percent(_ share: Double) -> String { String(format: "%.1f", 100 * share) }
      table.add(
        [
          part.name, String(format: "%.3f", part.seconds), percent(part.computing), percent(part.communicating),
          percent(max(0, 1 - part.computing - part.communicating)),
        ])
    }
    return lines + ["", "Parts that took longest, \(min(longest, parts.count)) of \(parts.count)"] + table.lines
  }
}
