import Foundation

/// Shows on rank 0 where a long computation is: what runs, at which rate, and how long it still takes.
///
/// On a terminal one line is rewritten; elsewhere a plain line is printed every few seconds, so that a log stays short.
struct Progress {
  private let enabled: Bool
  private let interactive: Bool
  private let total: Double
  private let unit: String
  private var done = 0.0
  private let start = ContinuousClock.now
  private var lastPrint: ContinuousClock.Instant?
  private var lineWidth = 0

  /// Progress towards `total` units of work, printed only if `enabled` (rank 0).
  init(total: Double, unit: String, enabled: Bool) {
    (self.total, self.unit, self.enabled) = (max(total, 1e-9), unit, enabled)
    interactive = enabled && Terminal.isInteractive
  }

  /// Adds `amount` units and shows `text`, what runs now.
  mutating func advance(by amount: Double, _ text: String) {
    done += amount
    guard enabled else { return }
    let now = ContinuousClock.now
    let pause: Duration = interactive ? .milliseconds(100) : .seconds(5)
    if let lastPrint, now - lastPrint < pause { return }
    if !interactive, lastPrint == nil, now - start < pause { return }
    lastPrint = now
    let seconds = (now - start).seconds
    let rate = done / max(seconds, 1e-9)
    let left = rate > 0 ? (total - done) / rate : 0
    let line = String(
      format: "%3.0f%%  %@  %.1f %@/s  %@ left", min(100, 100 * done / total), text, rate, unit, Self.clock(left))
    if interactive {
      print("\r" + line.padding(toLength: max(line.count, lineWidth), withPad: " ", startingAt: 0), terminator: "")
      fflush(nil)
      lineWidth = line.count
    } else {
      print(line)
    }
  }

  /// Shows a line that stays.
  mutating func note(_ text: String) {
    guard enabled else { return }
    finish()
    print(text)
    fflush(nil)
  }

  /// Clears the line, so that what follows starts at the left edge.
  mutating func finish() {
    guard enabled, interactive, lineWidth > 0 else { return }
    print("\r" + String(repeating: " ", count: lineWidth) + "\r", terminator: "")
    lineWidth = 0
  }

  /// Seconds as 12 s, 3:05 or 1:02:03.
  static func clock(_ seconds: Double) -> String {
    let whole = Int(max(0, seconds).rounded())
    if whole < 60 { return "\(whole) s" }
    if whole < 3600 { return String(format: "%d:%02d", whole / 60, whole % 60) }
    return String(format: "%d:%02d:%02d", whole / 3600, whole / 60 % 60, whole % 60)
  }
}
