/// Measures how long a piece of work takes on one thread, without the time that other programs take.
enum ProbeClock {
  /// Seconds of processor time, the median of a few runs after one that does not count.
  static func seconds(_ body: () throws -> Void) rethrows -> Double {
    let first = try once(body)
    var (times, spent) = ([Double](), 0.0)
    for run in 0..<50 where run < 1 || (spent < 0.04 && first < 0.5) {
      times.append(try once(body))
      spent += times[run]
    }
    return max(times.sorted()[times.count / 2], 1e-8)
  }

  /// Seconds of processor time of one run.
  static func once(_ body: () throws -> Void) rethrows -> Double {
    let start = ThreadClock.seconds
    try body()
    return max(0, ThreadClock.seconds - start - overhead)
  }

  /// What it takes to read the clock: operators of small models take a few microseconds.
  private static let overhead: Double = {
    (0..<100).map { _ in
      let start = ThreadClock.seconds
      return ThreadClock.seconds - start
    }.sorted()[50]
  }()
}
