import Foundation

/// What `rankwise comm-bench` has measured.
public struct CommBenchReport: Codable, Sendable {
  /// One operation at one size.
  public struct Entry: Codable, Sendable {
    /// What was done.
    public var operation: CommBenchOperation
    /// Columns of the input group that the size follows from; nil if bytes were given.
    public var columns: Int?
    /// Bytes that are moved; of all ranks together where rows are gathered.
    public var bytes: Int
    /// Seconds, the median of the repetitions; of each the slowest rank's.
    public var median: Double
    /// The shortest repetition.
    public var minimum: Double
    /// The longest repetition.
    public var maximum: Double
    /// Bytes over the median, in GB/s (1e9).
    public var algorithmBandwidth: Double
    /// That times `CommBenchOperation.busFactor`: to be compared with a link, whatever the number of ranks.
    public var busBandwidth: Double
    /// Elements on all ranks, in all repetitions, that were not what was sent.
    public var wrong: Int

    init(operation: CommBenchOperation, columns: Int?, bytes: Int, times: [Double], wrong: Int, ranks: Int) {
      let sorted = times.sorted()
      (self.operation, self.columns, self.bytes, self.wrong) = (operation, columns, bytes, wrong)
      (minimum, maximum) = (sorted[0], sorted[sorted.count - 1])
      median = (sorted[(sorted.count - 1) / 2] + sorted[sorted.count / 2]) / 2
      algorithmBandwidth = Double(bytes) / max(median, 1e-9) / 1e9
      busBandwidth = algorithmBandwidth * operation.busFactor(ranks: ranks)
    }
  }

  /// `comm-bench`.
  public var command = "comm-bench"
  /// Number of ranks.
  public var ranks: Int
  /// Number of nodes that they are on.
  public var nodes: Int
  /// Name and version of the MPI library.
  public var library: String
  /// Measured repetitions.
  public var repeats: Int
  /// Repetitions before these.
  public var warmUp: Int
  /// The measurements, in the order in which they were made.
  public var entries: [Entry] = []

  init(ranks: Int, nodes: Int, library: String, options: CommBenchOptions) {
    (self.ranks, self.nodes, self.library) = (ranks, nodes, library)
    (repeats, warmUp) = (options.repeats, options.warmUp)
  }

  /// What stands above the table.
  var introduction: [String] {
    [
      "# nodes: \(nodes), repeats: \(repeats) after \(warmUp) to warm up; times are the slowest rank's",
      "# algbw = size / median, GB/s; busbw = algbw x 1, where rows are gathered x (n - 1) / n; #wrong: elements, all ranks",
    ]
  }

  /// Writes the report: comma-separated values if the name ends in `.csv`, else JSON.
  func write(to path: String) throws {
    guard path.lowercased().hasSuffix(".csv") else { return try JSONReport.write(self, to: path) }
    var lines = ["operation,columns,bytes,ranks,nodes,median_s,min_s,max_s,algbw_GBps,busbw_GBps,wrong"]
    for entry in entries {
      let numbers = [
        entry.median, entry.minimum, entry.maximum, entry.algorithmBandwidth, entry.busBandwidth,
      ].map { String(format: "%.6g", $0) }
      let head = [
        entry.operation.rawValue, entry.columns.map(String.init) ?? "", "\(entry.bytes)", "\(ranks)", "\(nodes)",
      ]
      lines.append((head + numbers + ["\(entry.wrong)"]).joined(separator: ","))
    }
    do {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CoordinationError.output(path: path, reason: "the table cannot be written: \(error.localizedDescription)")
    }
  }
}
