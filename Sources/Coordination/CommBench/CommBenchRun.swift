import MPI

/// Measures how fast ranks exchange what a run exchanges; every rank makes one and calls `run` together.
public struct CommBenchRun {
  private let options: CommBenchOptions

  /// A run of `options`.
  public init(_ options: CommBenchOptions) { self.options = options }

  /// Measures everything that was asked for and writes the report. Collective.
  ///
  /// Throws on all ranks if an element arrives that was not sent, after the report was written.
  public func run(_ world: borrowing Communicator, show: ([String]) -> Void) throws {
    let nodes = try NodeLayout.ofRun(world)
    var report = CommBenchReport(
      ranks: world.size, nodes: nodes.nodes.count, library: MPIEnvironment.libraryVersion, options: options)
    show(report.introduction)
    let table = CommBenchTable()
    show(table.header)
    for operation in options.operations {
      for (columns, count) in options.problems(of: operation) {
        let (times, wrong) = try measure(operation, count: count, nodes, world)
        let entry = CommBenchReport.Entry(
          operation: operation, columns: columns, bytes: count * operation.elementBytes, times: times, wrong: wrong,
          ranks: world.size)
        show([table.row(entry)])
        report.entries.append(entry)
      }
    }
    try world.collectively {
      guard world.rank == 0 else { return }
      if let path = options.report { try report.write(to: path) }
      let wrong = report.entries.reduce(0) { $0 + $1.wrong }
      if wrong > 0 { throw CoordinationError.communication(wrong: wrong) }
    }
  }

  /// Seconds of each repetition, the slowest rank's, and the number of wrong elements on all ranks.
  private func measure(
    _ operation: CommBenchOperation, count: Int, _ nodes: NodeLayout, _ world: borrowing Communicator
  ) throws -> (times: [Double], wrong: Int) {
    let trial = try trial(operation, count: count, nodes, world)
    var times: [Double] = []
    var wrong: Int64 = 0
    for round in 0..<options.warmUp + options.repeats {
      try trial.prepare(round: round, world)
      // Once politely, so that slow ranks are not kept from the core; once to start together.
      try world.barrier(waiting: .polite)
      try world.barrier()
      let start = ContinuousClock.now
      try trial.run(world)
      let time = (ContinuousClock.now - start).seconds
      if round >= options.warmUp { times.append(time) }
      wrong += Int64(try trial.wrong(round: round, world))
    }
    try trial.finish()
    try world.allReduce(&times, .maximum, waiting: .polite)
    return (times, Int(try world.allReduce(wrong, .sum, waiting: .polite)))
  }

  private func trial(
    _ operation: CommBenchOperation, count: Int, _ nodes: NodeLayout, _ world: borrowing Communicator
  ) throws -> any CommBenchTrial {
    switch operation {
    case .pipelined: try PipelinedTrial(count: count, pipeline: options.pipeline, nodes: nodes, world)
    case .broadcast: BroadcastTrial(count: count)
    case .reduce: ReduceTrial(count: count)
    case .gather: GatherTrial(count: count, isForAll: false, world)
    case .allgather: GatherTrial(count: count, isForAll: true, world)
    }
  }
}
