/// Measures how long a piece of work takes on one thread, without the time that other programs take.
enum ProbeClock {
  /// Seconds of processor time, the median of a few runs after one that does not count.
  static func seconds(_ body: () throws -> Void) rethrows -> Double { try times(body).median }

  /// The same, and what the first run takes beyond it: code is made, weights are packed.
  static func times(_ body: () throws -> Void) rethrows -> (median: Double, preparation: Double) {
    func once() throws -> Double {
      let start = ThreadClock.seconds
      try body()
      return ThreadClock.seconds - start
    }
    let first = try once()
    var (times, spent) = ([Double](), 0.0)
    for run in 0..<50 where run < 1 || (spent < 0.04 && first < 0.5) {
      times.append(try once())
      spent += times[run]
    }
    let median = max(times.sorted()[times.count / 2], 1e-8)
    return (median, max(0, first - median))
  }
}
