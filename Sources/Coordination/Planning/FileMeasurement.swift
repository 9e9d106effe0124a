import Foundation

/// Measures how fast files are written and read, in the folder of temporary files.
enum FileMeasurement {
  /// Bytes per second.
  static func run() throws -> (read: Double, write: Double) {
    let url = FileManager.default.temporaryDirectory.appending(path: "rankwise-plan-\(UUID().uuidString)")
    defer { try? FileManager.default.removeItem(at: url) }
    let data = Data(repeating: 1, count: 32 << 20)
    do {
      let start = ContinuousClock.now
      try data.write(to: url)
      let handle = try FileHandle(forUpdating: url)
      try handle.synchronize()
      try handle.close()
      let written = ContinuousClock.now
      _ = try Data(contentsOf: url)
      let read = ContinuousClock.now
      return (
        Double(data.count) / max((read - written).seconds, 1e-6),
        Double(data.count) / max((written - start).seconds, 1e-6)
      )
    } catch {
      throw CoordinationError.output(path: url.path, reason: "it cannot be measured: \(error.localizedDescription)")
    }
  }
}
