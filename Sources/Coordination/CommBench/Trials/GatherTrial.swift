import MPI

/// `CommBenchOperation.gather` and `.allgather`: the ranks' pieces of a line of bytes, to rank 0 or to all.
final class GatherTrial: CommBenchTrial {
  private let counts: [Int]
  private let isForAll: Bool
  private var own: [UInt8]
  private var all: [UInt8]

  /// Cuts `count` bytes into nearly equal pieces.
  init(count: Int, isForAll: Bool, _ world: borrowing Communicator) {
    let size = world.size
    counts = (0..<size).map { count * ($0 + 1) / size - count * $0 / size }
    self.isForAll = isForAll
    own = Array(repeating: 0, count: counts[world.rank])
    all = Array(repeating: 0, count: isForAll || world.rank == 0 ? count : 0)
  }

  func prepare(round: Int, _ world: borrowing Communicator) {
    let pattern = CommBenchPattern(rank: world.rank, round: round)
    pattern.fill(&own, pattern.byte)
    pattern.fill(&all) { ~pattern.byte($0) }
  }

  func run(_ world: borrowing Communicator) throws {
    // A span cannot be of a stored property of a class.
    var elements: [UInt8] = []
    swap(&elements, &all)
    defer { swap(&elements, &all) }
    var output = elements.mutableSpan
    if isForAll {
      try world.allGatherv(own.span, into: &output, counts: counts)
    } else {
      try world.gatherv(own.span, into: &output, counts: counts)
    }
  }

  func wrong(round: Int, _ world: borrowing Communicator) -> Int {
    guard isForAll || world.rank == 0 else { return 0 }
    var (start, wrong) = (0, 0)
    for (rank, count) in counts.enumerated() {
      wrong += all.withUnsafeBufferPointer {
        CommBenchPattern.wrong(
          in: UnsafeBufferPointer(rebasing: $0[start..<start + count]), CommBenchPattern(rank: rank, round: round).byte)
      }
      start += count
    }
    return wrong
  }
}
