/// How fast one rank was in a few short windows of time: pieces of work per window.
struct SpeedSample: Sendable, Equatable {
  let windows: [Double]

  /// Number of windows in a row, and how often they are measured, with time between: what slows a rank down for a moment only makes its
  /// windows differ.
  static let (windowCount, bursts) = (3, 3)
  /// Speeds that differ by less are taken for equal.
  static let tolerance = 1.1

  var mean: Double { windows.reduce(0, +) / Double(windows.count) }
  /// The second smallest and the second largest window: what one interruption does not move.
  private var low: Double { windows.sorted()[min(1, windows.count - 1)] }
  private var high: Double { windows.sorted()[max(0, windows.count - 2)] }

  /// The speeds that samples of all ranks show.
  ///
  /// From the slowest on, ranks are put together that differ by less than a tenth, or whose windows overlap, so that noise makes
  /// nobody slow; all of them get their mean. Only sums, products and comparisons: every rank finds the same.
  static func speeds(_ samples: [SpeedSample]) -> [Double] {
    let means = samples.map(\.mean)
    let average = means.reduce(0, +) / Double(means.count)
    guard average > 0 else { return Array(repeating: 1, count: samples.count) }
    let order = samples.indices.sorted { (means[$0], $0) < (means[$1], $1) }
    var speeds = means
    var start = 0
    while start < order.count {
      let slowest = samples[order[start]]
      var end = start + 1
      while end < order.count,
        means[order[end]] <= tolerance * slowest.mean || samples[order[end]].low <= slowest.high
      {
        end += 1
      }
      let members = order[start..<end]
      let mean = members.reduce(0) { $0 + means[$1] } / Double(members.count)
      // A rank that did nothing is slow, but not of no use.
      for rank in members { speeds[rank] = max(mean, average / 100) }
      start = end
    }
    return speeds
  }
}
