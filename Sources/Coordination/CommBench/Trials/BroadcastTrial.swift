import MPI

/// `CommBenchOperation.broadcast`: `MPI_Bcast` from rank 0.
final class BroadcastTrial: CommBenchTrial {
  private var elements: [UInt32]

  init(count: Int) { elements = Array(repeating: 0, count: count) }

  func prepare(round: Int, _ world: borrowing Communicator) {
    let pattern = CommBenchPattern(rank: world.rank, round: round)
    pattern.fill(&elements, pattern.word)
  }

  func run(_ world: borrowing Communicator) throws { try world.broadcast(&elements) }

  func wrong(round: Int, _ world: borrowing Communicator) -> Int {
    elements.withUnsafeBufferPointer {
      CommBenchPattern.wrong(in: $0, CommBenchPattern(rank: 0, round: round).word)
    }
  }
}
