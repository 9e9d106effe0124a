import MPI

/// `CommBenchOperation.reduce`: `MPI_Reduce` of integers to rank 0, in place as in a run.
final class ReduceTrial: CommBenchTrial {
  private var elements: [Int64]

  init(count: Int) { elements = Array(repeating: 0, count: count) }

  func prepare(round: Int, _ world: borrowing Communicator) {
    let pattern = CommBenchPattern(rank: world.rank, round: round)
    pattern.fill(&elements, pattern.sum)
  }

  func run(_ world: borrowing Communicator) throws { try world.reduce(&elements, .sum) }

  func wrong(round: Int, _ world: borrowing Communicator) -> Int {
    guard world.rank == 0 else { return 0 }
    let patterns = (0..<world.size).map { CommBenchPattern(rank: $0, round: round) }
    return elements.withUnsafeBufferPointer { elements in
      CommBenchPattern.wrong(in: elements) { index in patterns.reduce(0) { $0 + $1.sum(index) } }
    }
  }
}
