import Foundation

/// What a sensitivity map found, as it is printed and written to JSON.
public struct SensitivityReport: Codable, Sendable {
  /// One layer.
  public struct LayerEntry: Codable, Sendable {
    /// The weight's name.
    public var name: String
    /// Output channels.
    public var rows: Int
    /// Inputs of one output channel.
    public var columns: Int
    /// Number of Hessians.
    public var groups: Int
    /// The damping that was needed.
    public var damping: Double
    /// The sum of s over all weights.
    public var total: Double
    /// How s is spread.
    public var statistics: SensitivityStatistics
  }

  /// `sensitivity`.
  public var command = "sensitivity"
  /// Path of the model, or of the file of layers.
  public var model: String
  /// The folder or the sheet.
  public var output: String
  /// Number of ranks.
  public var ranks: Int
  /// Threads of each rank.
  public var threads: Int
  /// Samples that the Hessians are of.
  public var samples: Int
  /// Bits of the grid.
  public var bits: Int
  /// How the grid was chosen.
  public var grid: String
  /// The layers, in execution order.
  public var layers: [LayerEntry]
  /// Wall time by phase over the ranks.
  public var phases: [PhaseTime]

  /// The lines that rank 0 prints.
  public var text: [String] {
    var lines = ["", "Sensitivity s = (w - Q(w))² / inverse(H)_jj, in percent"]
    var table = TextTable([
      "<layer", "rows", "columns", "log s: by column", "by row", "by 1/h", "s: by column", "by row", "by 1/h",
      "in top 1 %", "10 %", "1/h: in top 1 %", "10 %",
    ])
    func percent(_ value: Double) -> String { String(format: "%.1f", 100 * value) }
    for layer in layers {
      let s = layer.statistics
      let columns = layer.groups > 1 ? "\(layer.groups) x \(layer.columns)" : "\(layer.columns)"
      table.add(
        [layer.name, "\(layer.rows)", columns]
          + [
            s.logByColumn, s.logByRow, s.logByCurvature, s.byColumn, s.byRow, s.byCurvature, s.top1, s.top10,
            s.curvatureTop1, s.curvatureTop10,
          ].map(percent))
    }
    lines += table.lines
    func mean(_ share: KeyPath<SensitivityStatistics, Double>) -> String {
      percent(layers.reduce(0) { $0 + $1.statistics[keyPath: share] } / Double(max(layers.count, 1)))
    }
    lines += [
      "",
      "mean over layers: columns explain \(mean(\.logByColumn)) % of the variance of log s, rows \(mean(\.logByRow)) %, "
        + "1/h alone \(mean(\.logByCurvature)) %;",
      "the most sensitive 1 % of the columns hold \(mean(\.top1)) % of s, 10 % hold \(mean(\.top10)) %.",
      "h: the diagonal of inverse(H), which all rows share; pictures in \(output)",
      "", "Phases, seconds over \(ranks) \(ranks == 1 ? "rank" : "ranks")",
    ]
    return lines + PhaseTime.table(phases)
  }
}
