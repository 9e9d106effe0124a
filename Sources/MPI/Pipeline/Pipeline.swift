/// How a pipelined broadcast cuts its buffer and who forwards to whom.
///
/// What is nil is chosen from the size of the buffer and the number of ranks; all ranks pass the same values.
public struct Pipeline: Sendable, Equatable {
  /// Who forwards to whom.
  public enum Shape: String, Sendable, CaseIterable {
    /// Each rank to the next one: every link carries the buffer once each way, and the last rank waits for all others.
    case chain
    /// Each rank to two others: the path is short, and a link out of an inner rank carries the buffer twice.
    case tree
  }

  /// Who forwards to whom; nil for the shape of less estimated time.
  public var shape: Shape?
  /// Bytes of a segment; nil for what balances the filling of the pipeline against the cost of messages.
  public var segmentBytes: Int?
  /// Segments on their way to each receiver. With one, the link idles while it waits for the next. Of large segments two are
  /// many: they share the link, all arrive late, and nothing is left of the pipeline. Small ones arrive one after the
  /// other (measured, see Benchmarks/cluster).
  public var sendsInFlight = 4

  /// A pipeline whose parameters are chosen, except those given.
  public init(shape: Shape? = nil, segmentBytes: Int? = nil, sendsInFlight: Int = 4) {
    precondition(segmentBytes ?? 1 > 0, "segments of \(segmentBytes ?? 0) bytes")
    precondition(sendsInFlight > 0, "\(sendsInFlight) sends in flight")
    (self.shape, self.segmentBytes, self.sendsInFlight) = (shape, segmentBytes, sendsInFlight)
  }

  /// Time to send a message, in bytes that the link could have carried: 3 microseconds at 100 Gbit/s, 280 at 1 Gbit/s.
  static let messageCost = 32 << 10
  /// Bounds of the segments that are chosen where nobody forwards them.
  static let chosenSegments = 16 << 10...1 << 20
  /// The largest segment that is chosen where ranks forward: with its header at most 64 KiB, up to which Open MPI sends over TCP
  /// at once. Larger messages first ask the receiver, and take turns on the link with those behind them.
  static let forwardedSegment = 60 << 10

  /// The shape and the segment for `byteCount` bytes on `ranks` ranks, the one at the root counted.
  func resolved(byteCount: Int, ranks: Int) -> (shape: Shape, segmentBytes: Int) {
    let choices = (shape.map { [$0] } ?? Shape.allCases).map { shape in
      (shape: shape, segment: segment(shape, byteCount, ranks))
    }
    let best = choices.min { left, right in
      Self.time(left.shape, left.segment, byteCount, ranks) < Self.time(right.shape, right.segment, byteCount, ranks)
    }!
    return (best.shape, best.segment)
  }

  /// The segment at which `time` is least: sqrt(bytes * messageCost / hops), rounded up to a power of two, within bounds.
  private func segment(_ shape: Shape, _ byteCount: Int, _ ranks: Int) -> Int {
    if let segmentBytes { return segmentBytes }
    let hops = max(1, Self.depth(shape, ranks) - 1)
    let ideal = (Double(byteCount) * Double(Self.messageCost) / Double(hops)).squareRoot()
    var size = Self.chosenSegments.lowerBound
    while size < Self.chosenSegments.upperBound && Double(size) < ideal { size *= 2 }
    return ranks > 2 ? min(size, Self.forwardedSegment) : size
  }

  /// Estimated time, in bytes that a link carries: the segments, and the hops that the last one still has to go.
  private static func time(_ shape: Shape, _ segment: Int, _ byteCount: Int, _ ranks: Int) -> Int {
    let segments = (byteCount + segment - 1) / segment
    let fanOut = shape == .tree && ranks > 2 ? 2 : 1
    return (segments + depth(shape, ranks) - 1) * (min(segment, byteCount) + messageCost) * fanOut
  }

  /// Messages on the way from the root to the last rank.
  private static func depth(_ shape: Shape, _ ranks: Int) -> Int {
    switch shape {
    case .chain: max(1, ranks - 1)
    case .tree: max(1, Int.bitWidth - 1 - ranks.leadingZeroBitCount)
    }
  }
}

extension Pipeline.Shape {
  /// The places that the place `index` of `count` forwards to.
  func children(of index: Int, count: Int) -> [Int] {
    switch self {
    case .chain: [index + 1].filter { $0 < count }
    case .tree: [2 * index + 1, 2 * index + 2].filter { $0 < count }
    }
  }

  /// The place that `index` receives from; nil for the root, which is at 0.
  func parent(of index: Int) -> Int? {
    if index == 0 { return nil }
    return self == .chain ? index - 1 : (index - 1) / 2
  }
}
