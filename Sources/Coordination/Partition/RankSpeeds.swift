/// How fast the ranks of a run are beside each other: what rows, chunks and factorizations are cut by.
///
/// Every rank has the same numbers. They decide who does what, never what comes out.
public struct RankSpeeds: Sendable, Equatable {
  /// The speed of each rank, all its threads together; 1 in the mean.
  public let speeds: [Double]
  /// Threads of each rank.
  public let threads: [Int]
  /// Where each rank's share of a line of length 1 ends.
  private let ends: [Double]

  /// Number of ranks.
  public var count: Int { speeds.count }
  /// Whether all are equally fast.
  public var areEqual: Bool { speeds.allSatisfy { $0 == speeds[0] } }

  /// Ranks that are all equally fast.
  public init(equal count: Int) { self.init(Array(repeating: 1, count: count)) }

  /// Ranks of these speeds, in any unit.
  public init(_ speeds: [Double], threads: [Int]? = nil) {
    precondition(!speeds.isEmpty && speeds.allSatisfy { $0 > 0 && $0.isFinite }, "speeds \(speeds)")
    precondition(threads?.count ?? speeds.count == speeds.count, "\(threads ?? []) threads for \(speeds.count) ranks")
    let total = speeds.reduce(0, +)
    let mean = total / Double(speeds.count)
    self.speeds = speeds.map { $0 / mean }
    self.threads = threads ?? Array(repeating: 1, count: speeds.count)
    var sum = 0.0
    ends = speeds.map { speed in
      sum += speed
      return sum / total
    }
  }

  /// The rank in whose share of a line of length 1 the point `position` lies: shares follow each other, each as long as its rank
  /// is fast.
  public func rank(at position: Double) -> Int {
    var (low, high) = (0, count - 1)
    while low < high {
      let middle = (low + high) / 2
      if ends[middle] > position { high = middle } else { low = middle + 1 }
    }
    return low
  }

  /// How many of `pieces` equal pieces each rank takes, so that the last one to finish is done as soon as it can be: its threads
  /// take one piece each at a time.
  public func counts(of pieces: Int) -> [Int] {
    if areEqual {
      return (0..<count).map { (($0 + 1) * pieces + count - 1) / count - ($0 * pieces + count - 1) / count }
    }
    var counts = [Int](repeating: 0, count: count)
    for _ in 0..<pieces {
      // When the rank would be done with one more: its threads in step, and, of equals, those who are not held up by it.
      let next = counts.indices.min { left, right in
        let (a, b) = (finish(left, counts[left] + 1), finish(right, counts[right] + 1))
        return (a.whole, a.mean, left) < (b.whole, b.mean, right)
      }!
      counts[next] += 1
    }
    return counts
  }

  private func finish(_ rank: Int, _ pieces: Int) -> (whole: Double, mean: Double) {
    let rounds = (pieces + threads[rank] - 1) / threads[rank]
    return (Double(rounds * threads[rank]) / speeds[rank], Double(pieces) / speeds[rank])
  }

  /// The speeds, for people: `1.20 x 3, 0.40`.
  public var text: String {
    var runs: [(text: String, count: Int)] = []
    for speed in speeds {
      let text = speed < 0.01 ? Self.rounded(speed, 1e4) : Self.rounded(speed, 100)
      if let last = runs.last, last.text == text { runs[runs.count - 1].count += 1 } else { runs.append((text, 1)) }
    }
    return runs.map { $0.count == 1 ? $0.text : "\($0.text) x \($0.count)" }.joined(separator: ", ")
  }

  private static func rounded(_ value: Double, _ unit: Double) -> String { "\((value * unit).rounded() / unit)" }
}
