extension Communicator {
  /// Runs `body`, which may fail on some ranks, and lets it succeed or fail on all ranks together.
  ///
  /// Collective. If `body` throws on any rank, every rank throws a `CollectiveFailure` that describes the error of the lowest
  /// of them. So a file that only one rank can read ends the work of all, instead of leaving them in their next collective
  /// call for ever. The body of one rank must not wait for another rank, which may have failed.
  /// Corresponds to `MPI_Allreduce` and, after a failure, `MPI_Bcast`.
  public borrowing func collectively<Result: ~Copyable>(
    waiting: Waiting = .polite, _ body: () throws -> Result
  ) throws(CollectiveFailure) -> Result {
    let result: Result
    do {
      result = try body()
    } catch {
      throw agree(on: error, waiting)
    }
    if let failure = agree(on: nil, waiting) { throw failure }
    return result
  }

  private borrowing func agree(on error: any Error, _ waiting: Waiting) -> CollectiveFailure {
    let known: CollectiveFailure? = agree(on: Optional(error), waiting)
    guard let known else { preconditionFailure("rank \(rank) failed and its communicator did not notice") }
    return known
  }

  /// What all ranks say after each has said how its body ended; `nil` if no rank failed.
  private borrowing func agree(on error: (any Error)?, _ waiting: Waiting) -> CollectiveFailure? {
    // A failure that an inner call has agreed on keeps its origin.
    let inner = error as? CollectiveFailure
    do {
      let failed = Int(try allReduce(Int64(error == nil ? size : rank), .minimum, waiting: waiting))
      if failed == size { return nil }
      let worldRank = Int64(inner?.rank ?? MPIEnvironment.worldRank)
      let origin = Int(try broadcastValue(worldRank, root: failed, waiting: waiting))
      let host = try broadcastValue(inner?.host ?? MPIEnvironment.processorName, root: failed, waiting: waiting)
      let text = try broadcastValue(error.map { "\($0)" } ?? "", root: failed, waiting: waiting)
      return CollectiveFailure(
        rank: origin, host: host, description: text, local: inner == nil ? error : inner?.local,
        isKnownEverywhere: size == MPIEnvironment.worldSize)
    } catch let broken {
      // The agreement itself failed: this rank cannot know what the others know.
      return CollectiveFailure(
        rank: MPIEnvironment.worldRank, host: MPIEnvironment.processorName,
        description: error.map { "\($0); then \(broken)" } ?? "\(broken)", local: error ?? broken,
        isKnownEverywhere: false)
    }
  }
}
