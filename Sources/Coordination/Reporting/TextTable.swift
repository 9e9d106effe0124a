/// A table of text with aligned columns.
public struct TextTable: Sendable {
  /// How a column is aligned.
  public enum Alignment: Sendable { case left, right }

  private let header: [String]
  private let alignments: [Alignment]
  private var rows: [[String]] = []

  /// A table with these column titles; a title that starts with "<" names a left-aligned column.
  public init(_ columns: [String]) {
    header = columns.map { $0.hasPrefix("<") ? String($0.dropFirst()) : $0 }
    alignments = columns.map { $0.hasPrefix("<") ? .left : .right }
  }

  /// Adds a row with one cell per column.
  public mutating func add(_ cells: [String]) {
    precondition(cells.count == header.count, "\(cells.count) cells in a table of \(header.count) columns")
    rows.append(cells)
  }

  /// The lines of the table, the header first.
  public var lines: [String] {
    let widths = header.indices.map { column in ([header] + rows).map { $0[column].count }.max() ?? 0 }
    return ([header] + rows).map { cells in
      cells.indices.map { column in
        let padding = String(repeating: " ", count: widths[column] - cells[column].count)
        return alignments[column] == .left ? cells[column] + padding : padding + cells[column]
      }.joined(separator: "  ").trimmingSuffix { $0 == " " }
    }
  }
}

extension String {
  fileprivate func trimmingSuffix(_ isPadding: (Character) -> Bool) -> String {
    var end = endIndex
    while end > startIndex, isPadding(self[index(before: end)]) { end = index(before: end) }
    return String(self[..<end])
  }
}
