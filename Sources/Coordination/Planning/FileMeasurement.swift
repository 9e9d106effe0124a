import Foundation
import Models

/// Measures how fast files are written and read, in the folder of temporary files.
enum FileMeasurement {
  /// Bytes per second, and the seconds until a small file with its name is on the disk.
  static func run() throws -> (read: Double, write: Double, sync: Double) {
    let path = FileManager.default.temporaryDirectory.appending(path: "rankwise-plan-\(UUID().uuidString)").path
    defer { unlink(path) }
    let data = [UInt8](repeating: 1, count: 32 << 20)
    do {
      let sync = try (0..<3).map { _ in try write(data[..<(1 << 10)], to: path) }.sorted()[1]
      let written = try write(data[...], to: path)
      let start = ContinuousClock.now
      _ = try Data(contentsOf: URL(filePath: path))
      let read = (ContinuousClock.now - start).seconds
      return (
        Double(data.count) / max(read, 1e-6), Double(data.count) / max(written - sync, 1e-6), sync
      )
    } catch {
      throw CoordinationError.output(path: path, reason: "it cannot be measured: \(error)")
    }
  }

  /// Seconds until these bytes and the file's name are on the disk.
  private static func write(_ bytes: ArraySlice<UInt8>, to path: String) throws -> Double {
    let start = ContinuousClock.now
    var file = try AtomicFile(path: path)
    try bytes.withUnsafeBufferPointer { bytes throws(ModelError) in try file.write(UnsafeRawBufferPointer(bytes)) }
    try file.commit()
    return (ContinuousClock.now - start).seconds
  }
}
