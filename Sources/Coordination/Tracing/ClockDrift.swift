/// A rank's clock beside rank 0's, measured at the beginning and at the end of a run: between, it drifts evenly.
struct ClockDrift: Sendable, Equatable {
  /// Nanoseconds that the rank's clock was ahead, and when by its own clock.
  var begin: (offset: Int64, time: Int64)
  /// The same at the end.
  var end: (offset: Int64, time: Int64)

  /// Nanoseconds of rank 0's clock at `time` of the rank's clock.
  func aligned(_ time: Int64) -> Int64 {
    guard end.time > begin.time else { return time - end.offset }
    let passed = Double(time - begin.time) / Double(end.time - begin.time)
    return time - begin.offset - Int64((passed * Double(end.offset - begin.offset)).rounded())
  }

  static func == (a: Self, b: Self) -> Bool { a.begin == b.begin && a.end == b.end }
}
