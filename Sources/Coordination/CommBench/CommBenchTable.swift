import Foundation

/// The table that is printed, line by line as measurements end: its columns have fixed widths.
struct CommBenchTable {
  private static let widths = [-11, 8, 12, 11, 11, 11, 8, 8, 7]

  /// Titles and units.
  var header: [String] {
    [
      Self.line(["# operation", "columns", "size", "median", "min", "max", "algbw", "busbw", "#wrong"]),
      Self.line(["#", "", "(B)", "(us)", "(us)", "(us)", "(GB/s)", "(GB/s)", ""]),
    ]
  }

  /// The line of one measurement.
  func row(_ entry: CommBenchReport.Entry) -> String {
    let times = [entry.median, entry.minimum, entry.maximum].map { String(format: "%.1f", $0 * 1e6) }
    let rates = [entry.algorithmBandwidth, entry.busBandwidth].map { String(format: "%.3f", $0) }
    return Self.line(
      [entry.operation.rawValue, entry.columns.map(String.init) ?? "-", "\(entry.bytes)"] + times + rates
        + ["\(entry.wrong)"])
  }

  private static func line(_ cells: [String]) -> String {
    zip(cells, widths).map { cell, width in
      let padding = String(repeating: " ", count: max(0, abs(width) - cell.count))
      return width < 0 ? cell + padding : padding + cell
    }.joined(separator: "  ")
  }
}
