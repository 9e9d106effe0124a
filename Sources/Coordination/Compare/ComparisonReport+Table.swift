import Foundation

extension ComparisonReport {
  /// Writes one line per variant and layer, comma-separated; the file appears whole or not at all.
  func writeTable(to path: String) throws(CoordinationError) {
    var lines = [
      (["bits"] + CompareVariant.labelTitles + [
        "layer", "rows", "columns", "groups", "signal", "calibration", "held_out", "predicted", "needed_damping",
      ]).joined(separator: ",")
    ]
    for entry in variants {
      let variant = ["\(entry.variant.bits)"] + entry.variant.labels
      for (layer, loss) in zip(layers, entry.layers) {
        let cells =
          variant + [
            Self.quoted(layer.name), "\(layer.rows)", "\(layer.columns)", "\(layer.groups)", "\(layer.signal)",
            "\(loss.calibration)", "\(loss.heldOut)", loss.predicted.map { "\($0)" } ?? "", "\(loss.damping)",
          ]
        lines.append(cells.joined(separator: ","))
      }
    }
    do {
      try Data((lines.joined(separator: "\n") + "\n").utf8).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw .output(path: path, reason: "the table cannot be written: \(error.localizedDescription)")
    }
  }

  /// A name as a cell (RFC 4180).
  private static func quoted(_ text: String) -> String {
    guard text.contains(where: { [",", "\"", "\n", "\r"].contains($0) }) else { return text }
    return "\"" + text.replacingOccurrences(of: "\"", with: "\"\"") + "\""
  }
}
