import Foundation
import Synchronization

/// What one rank writes down about its own work, on request: a line per phase and stage in `rank-N.log`.
public final class RankLog: Sendable {
  private let file: Mutex<FileHandle?>
  private let start = ContinuousClock.now

  /// Opens `directory/rank-N.log`, making the directory if needed; with nil nothing is written.
  public init(directory: String?, rank: Int) throws {
    guard let directory else {
      file = Mutex(nil)
      return
    }
    let path = directory + String(format: "/rank-%04d.log", rank)
    do {
      try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
      try Data().write(to: URL(filePath: path))
      file = Mutex(try FileHandle(forWritingTo: URL(filePath: path)))
    } catch {
      throw CoordinationError.output(path: path, reason: "the log cannot be written: \(error.localizedDescription)")
    }
  }

  /// Writes one line: seconds since the start, then the text.
  func write(_ text: @autoclosure () -> String) {
    file.withLock { file in
      guard let file else { return }
      let line = String(format: "%10.3f  ", (ContinuousClock.now - start).seconds) + text() + "\n"
      try? file.write(contentsOf: Data(line.utf8))
    }
  }
}
