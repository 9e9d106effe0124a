/// How the calibration samples are cut into chunks, and which rank forwards which chunk.
///
/// The chunks depend on the model and the data alone; only their assignment depends on the number of ranks.
public struct ChunkPartition: Sendable {
  /// The samples that are cut, by their numbers in the set.
  public let samples: Range<Int>
  /// Samples of a chunk; the last one may have fewer.
  public let chunkSize: Int

  /// Number of chunks.
  public var chunkCount: Int { (samples.count + chunkSize - 1) / chunkSize }

  /// Cuts the first `sampleCount` samples into chunks of `chunkSize`.
  public init(sampleCount: Int, chunkSize: Int) { self.init(samples: 0..<sampleCount, chunkSize: chunkSize) }

  /// Cuts `samples` into chunks of `chunkSize`.
  public init(samples: Range<Int>, chunkSize: Int) {
    precondition(!samples.isEmpty && chunkSize > 0, "\(samples.count) samples in chunks of \(chunkSize)")
    (self.samples, self.chunkSize) = (samples, chunkSize)
  }

  /// The samples of chunk `index`.
  public func samples(ofChunk index: Int) -> Range<Int> {
    let start = samples.lowerBound + index * chunkSize
    return start..<min(start + chunkSize, samples.upperBound)
  }

  /// With fewer chunks than this, none is held out.
  public static let fewestToHoldOut = 4

  /// Sets whole chunks at the end apart, to measure on what nothing was fitted to.
  ///
  /// - Parameter share: of the chunks, rounded, but at least one; 0 holds nothing out.
  /// - Returns: the chunks to calibrate on, and those held out: nil if `share` is 0 or there are too few chunks.
  public func holdingOut(_ share: Double) -> (calibration: ChunkPartition, heldOut: ChunkPartition?) {
    guard share > 0, chunkCount >= Self.fewestToHoldOut else { return (self, nil) }
    let count = min(chunkCount - 1, max(1, Int((share * Double(chunkCount)).rounded())))
    let first = samples.lowerBound + (chunkCount - count) * chunkSize
    return (
      ChunkPartition(samples: samples.lowerBound..<first, chunkSize: chunkSize),
      ChunkPartition(samples: first..<samples.upperBound, chunkSize: chunkSize)
    )
  }

  /// The chunks that `rank` of `size` ranks forwards: consecutive ones, their numbers differing by at most one. Rank 0
  /// always has the first chunk.
  public func chunks(ofRank rank: Int, size: Int) -> Range<Int> {
    (rank * chunkCount + size - 1) / size..<((rank + 1) * chunkCount + size - 1) / size
  }

  /// The chunks that `rank` forwards where ranks have these speeds: consecutive ones, as many as it is fast, perhaps none.
  public func chunks(ofRank rank: Int, _ speeds: RankSpeeds) -> Range<Int> {
    if speeds.areEqual { return chunks(ofRank: rank, size: speeds.count) }
    let counts = speeds.counts(of: chunkCount)
    let first = counts[..<rank].reduce(0, +)
    return first..<first + counts[rank]
  }

  /// A chunk size for a model whose layers see `positions` output positions per sample.
  ///
  /// A Hessian's SYRK should be worth its pass over C² elements, so the layer with the fewest positions should see a few
  /// hundred columns in a chunk; but a chunk's activations stay below `memoryLimit` bytes, and at least sixteen chunks are
  /// made where there are samples for it, so that ranks and threads find work. Always a multiple of `batch`, the model's
  /// own fixed batch (1 if it is open).
  public static func chunkSize(
    sampleCount: Int, fewestPositions: Int, activationBytes: Int, batch: Int, memoryLimit: Int = 512 << 20
  ) -> Int {
    let wanted = (384 + fewestPositions - 1) / max(fewestPositions, 1)
    let fitting = max(1, memoryLimit / max(activationBytes, 1))
    let size = max(1, min(wanted, fitting, max(1, sampleCount / 16), 64))
    return (size + batch - 1) / batch * batch
  }
}
