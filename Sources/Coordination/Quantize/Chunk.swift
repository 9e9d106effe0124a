import Calibration
import Graphs
import LinearAlgebra
import Synchronization

/// The live activations of one chunk of samples: one table per batch of the model.
final class Chunk: Sendable {
  /// The samples of the chunk.
  let samples: Range<Int>
  private let batches: Mutex<[(table: ValueTable, plan: Plan)]>

  /// A chunk at the model's inputs; each batch with the plan for its size.
  init(samples: Range<Int>, batches: [(inputs: [ValueID: Tensor], plan: Plan)]) {
    self.samples = samples
    self.batches = Mutex(batches.map { (ValueTable($0.inputs), $0.plan) })
  }

  private init(samples: Range<Int>, batches: [(table: ValueTable, plan: Plan)]) {
    self.samples = samples
    self.batches = Mutex(batches)
  }

  /// The same chunk as it is now, to be run by itself; the tensors so far are shared.
  func copy() -> Chunk { Chunk(samples: samples, batches: snapshot()) }

  /// Runs `nodes` on every batch of the chunk and drops the values that `liveness` says nobody reads any more.
  ///
  /// - Parameter extra: for each batch the tokens that experts run on besides those that chose them; empty for none.
  func run(
    _ nodes: [Int], executor: Executor, weights: Weights, liveness: Liveness?, extra: [ExtraTokens] = [],
    workers: Workers = .alone
  ) throws(ExecutionError) {
    try batches.withLock { batches throws(ExecutionError) in
      for index in batches.indices {
        try executor.run(
          nodes, plan: batches[index].plan, weights: weights, liveness: liveness,
          extra: extra.isEmpty ? nil : extra[index], workers: workers, table: &batches[index].table)
      }
    }
  }

  /// Keeps `table` as that of batch `index`.
  func commit(_ table: ValueTable, batch index: Int) { batches.withLock { $0[index].table = table } }

  /// The batches as they are now; their tables may be run without changing the chunk's.
  func snapshot() -> [(table: ValueTable, plan: Plan)] { batches.withLock { $0 } }

  /// What `group` reads, cut from all batches.
  ///
  /// - Parameter rows: for a group of an expert, for each batch the tokens that are wanted, all of which the expert has here;
  ///   nil for all.
  func columns(for group: InputGroup, rows: ExpertRows? = nil) throws(HessianError) -> InputColumns {
    let tensors = batches.withLock { batches in
      batches.enumerated().map { index, batch in
        let tensor = batch.table[group.input] ?? batch.plan.constant(group.input)!
        guard let rows, let route = group.route else { return tensor }
        return ExpertTokens(route, in: batch.table)
          .rows(of: tensor, for: rows.batches[index], extraFactor: rows.extraFactor)
      }
    }
    return try InputColumns(group: group, tensors: tensors)
  }

  /// The tokens of an expert in each batch.
  func tokens(of route: ExpertRoute) -> [ExpertTokens] {
    batches.withLock { batches in batches.map { ExpertTokens(route, in: $0.table) } }
  }

  /// For each batch, which experts run on which tokens, so that another network's do too.
  func choices(_ values: [ValueID]) -> [ExtraTokens] {
    batches.withLock { batches in
      batches.map { batch in
        ExtraTokens(
          choices: Dictionary(uniqueKeysWithValues: values.compactMap { id in batch.table[id].map { (id, $0) } }))
      }
    }
  }

  /// Number of batches.
  var batchCount: Int { batches.withLock { $0.count } }

  /// The samples that `error` is about, for a message.
  func describe(_ error: HessianError) -> String {
    if case .notFinite(_, let sample) = error { return "sample \(samples.lowerBound + sample)" }
    return "samples \(samples.lowerBound) to \(samples.upperBound - 1)"
  }
}
