import Foundation

/// Writes reports as JSON.
enum JSONReport {
  /// Writes `report` with sorted keys, so that equal reports have equal bytes. The file appears whole or not at all.
  static func write(_ report: some Encodable, to path: String) throws {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.prettyPrinted, .sortedKeys, .withoutEscapingSlashes]
    do {
      try (try encoder.encode(report) + Data("\n".utf8)).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw CoordinationError.output(path: path, reason: "the report cannot be written: \(error.localizedDescription)")
    }
  }
}
