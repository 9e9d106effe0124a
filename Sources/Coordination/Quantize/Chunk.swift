import Calibration
import Graphs
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
  func run(
    _ nodes: [Int], executor: Executor, weights: Weights, liveness: Liveness?
  ) throws(ExecutionError) {
    try batches.withLock { batches throws(ExecutionError) in
      for index in batches.indices {
        try executor.run(
          nodes, plan: batches[index].plan, weights: weights, liveness: liveness, table: &batches[index].table)
      }
    }
  }

  /// Keeps `table` as that of batch `index`.
  func commit(_ table: ValueTable, batch index: Int) { batches.withLock { $0[index].table = table } }

  /// The batches as they are now; their tables may be run without changing the chunk's.
  func snapshot() -> [(table: ValueTable, plan: Plan)] { batches.withLock { $0 } }

  /// What `group` reads, cut from all batches.
  func columns(for group: InputGroup) throws(HessianError) -> InputColumns {
    let tensors = batches.withLock { batches in
      batches.map { $0.table[group.input] ?? $0.plan.constant(group.input)! }
    }
    return try InputColumns(group: group, tensors: tensors)
  }

  /// The samples that `error` is about, for a message.
  func describe(_ error: HessianError) -> String {
    if case .notFinite(_, let sample) = error { return "sample \(samples.lowerBound + sample)" }
    return "samples \(samples.lowerBound) to \(samples.upperBound - 1)"
  }
}
