import Foundation

/// What `rankwise plan` expects of a run.
public struct PlanReport: Sendable, Codable {
  /// `plan`.
  public var command = "plan"
  /// Path of the model.
  public var model: String
  /// Number of layers.
  public var layers: Int
  /// Number of stages.
  public var stages: Int
  /// Number of input groups.
  public var groups: Int
  /// Weights that are quantized.
  public var weights: Int
  /// Samples that are calibrated on.
  public var samples: Int
  /// Samples that are held out.
  public var heldOutSamples: Int
  /// Samples of a chunk.
  public var chunkSize: Int
  /// Chunks that are calibrated on.
  public var chunks: Int
  /// GFLOP as a run's progress counts them.
  public var work: Double
  /// What the row solve was asked for.
  public var solve: String
  /// The machine.
  public var machine: Machine
  /// The least efficiency at which more nodes pay off.
  public var worthwhile: Double
  /// The layouts, in the order in which they were asked for.
  public var entries: [PlanEntry]

  init(_ run: QuantizationRun, _ machine: Machine, _ entries: [PlanEntry], worthwhile: Double) {
    (model, layers, stages) = (run.options.model, run.layers.count, run.stages.count)
    groups = run.stages.reduce(0) { $0 + $1.inputGroups.count }
    weights = run.layers.reduce(0) { $0 + $1.layer.rows * $1.layer.columns }
    (samples, heldOutSamples) = (run.chunkPartition.samples.count, run.heldOutPartition?.samples.count ?? 0)
    (chunkSize, chunks) = (run.chunkPartition.chunkSize, run.chunkPartition.chunkCount)
    work = run.stages.reduce(0) { $0 + run.geometry.work(stage: $1, samples: run.chunkPartition.samples.count) }
    solve = MachineMeasurement.solveKey(run.options)
    (self.machine, self.entries, self.worthwhile) = (machine, entries, worthwhile)
  }

  /// The last entry up to which each step pays off; nil with fewer than two entries.
  public var lastWorthwhile: PlanEntry? {
    guard entries.count > 1 else { return nil }
    var last = entries[0]
    for entry in entries.dropFirst() {
      guard let efficiency = entry.efficiency, efficiency >= worthwhile else { break }
      last = entry
    }
    return last
  }

  /// The lines that are printed.
  public var text: [String] {
    var lines = [
      "\(model): \(layers) layers in \(stages) stages, \(weights) weights; \(samples) samples in \(chunks) chunks, "
        + "\(heldOutSamples) held out; \(String(format: "%.1f", work / 1000)) TFLOP of products and sums",
      "machine: \(machine.name); \(machine.cores) cores and \(Self.gigabytes(machine.memory)) per node, network "
        + "\(String(format: "%.1f", machine.networkRate * 8e-9)) Gbit/s, \(String(format: "%.1f", machine.latency * 1e6)) us",
    ]
    if machine.solve != solve {
      lines.append("warning: the machine's row solve was measured with \(machine.solve), not \(solve)")
    }
    let phases = Phase.allCases.filter { phase in
      entries.contains { $0.phases.contains { $0.phase == phase.rawValue && $0.average > 0 } }
    }
    var table = TextTable(
      ["nodes", "ranks", "threads"] + phases.map(\.rawValue)
        + ["uneven", "total", "efficiency", "rank memory", "node memory", "U sent", "<limit"])
    for entry in entries {
      let cells = phases.map { phase in
        entry.slowest[phase.rawValue].map(Self.time) ?? "-"
      }
      table.add(
        ["\(entry.nodes)", "\(entry.ranks)", "\(entry.threads)"] + cells
          + [
            Self.time(entry.uneven), Self.time(entry.seconds),
            entry.efficiency.map { String(format: "%.2f", $0) } ?? "-", Self.gigabytes(entry.rankMemory),
            Self.gigabytes(entry.nodeMemory) + (entry.fits ? "" : " !"),
            Self.gigabytes(entry.factorTraffic.bytesSent),
            entry.fits ? entry.limit ?? "" : "does not fit",
          ])
    }
    lines +=
      [
        "",
        "seconds (h: hours) of the slowest rank of each stage, by phase; uneven: of the total, how long ranks wait for it in the mean",
      ] + table.lines
    if let last = lastWorthwhile {
      let limit = last.limit.map { ", where \($0) takes most" } ?? ""
      lines += [
        "",
        "each step up to \(last.nodes) nodes, \(last.ranks) ranks has an efficiency of at least \(worthwhile)\(limit)",
      ]
    }
    return lines
  }

  /// Seconds or hours.
  static func time(_ seconds: Double) -> String {
    seconds >= 36_000
      ? String(format: "%.1fh", seconds / 3600)
      : String(format: seconds >= 100 ? "%.0f" : seconds >= 10 ? "%.1f" : "%.3f", seconds)
  }

  /// Bytes in GB.
  static func gigabytes(_ bytes: Int) -> String {
    String(format: bytes >= 100_000_000_000 ? "%.0f GB" : "%.2f GB", Double(bytes) * 1e-9)
  }

  /// Writes the report as JSON.
  public func write(to path: String) throws { try JSONReport.write(self, to: path) }
}
