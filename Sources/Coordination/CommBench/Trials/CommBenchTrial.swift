import MPI

/// One operation at one size, repeated.
protocol CommBenchTrial: AnyObject {
  /// Writes this rank's elements of repetition `round`, and others where elements are to arrive. Not timed.
  func prepare(round: Int, _ world: borrowing Communicator) throws

  /// Communicates. Collective, timed.
  func run(_ world: borrowing Communicator) throws

  /// How many of the elements that this rank got are not what they must be. Not timed.
  func wrong(round: Int, _ world: borrowing Communicator) throws -> Int

  /// Gives memory back. Collective.
  func finish() throws
}

extension CommBenchTrial {
  func finish() throws {}
}
