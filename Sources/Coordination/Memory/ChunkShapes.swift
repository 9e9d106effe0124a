import Calibration
import Graphs

/// The shapes of the values of a full chunk.
struct ChunkShapes {
  /// Those of one batch of the model.
  let plan: Plan
  /// Batches of a full chunk.
  let batches: Int

  /// Infers the shapes of a run's chunks.
  init(_ run: QuantizationRun) throws {
    let size = run.feed.fixedBatch ?? run.chunkPartition.chunkSize
    batches = run.chunkPartition.chunkSize / size
    plan = try run.executor.specialize(
      inputs: run.feed.inputTypes(batch: size),
      replaceable: Set(run.layers.map(\.layer.weight)).union(run.layers.compactMap(\.bias)))
  }

  /// The type of a value, with the rows that are expected of an expert's.
  func type(_ value: ValueID) -> TensorType? {
    guard var type = plan.types[value] else { return nil }
    if let rows = plan.expectedRowCount(value), !type.shape.isEmpty { type.shape[0] = rows }
    return type
  }

  /// The bytes of a value of a chunk; 0 for what does not depend on samples.
  func byteCount(_ value: ValueID) -> Int {
    guard plan.constant(value) == nil, let type = type(value) else { return 0 }
    return batches * type.byteCount
  }

  /// For each stage the bytes of a chunk's activations in one network that wait between it and the next.
  func waitingBytes(_ run: QuantizationRun) -> [Int] {
    var lastReader: [ValueID: Int] = [:]
    for (index, stage) in run.stages.enumerated() {
      for node in stage.nodes {
        for case let value? in run.graph.nodes[node].inputs { lastReader[value] = index }
      }
      for group in stage.inputGroups {
        // A layer runs with the nodes of the next stage, and reads its input then.
        lastReader[group.input] = max(lastReader[group.input] ?? 0, index + 1)
      }
    }
    var alive = Set(run.graph.inputs)
    return run.stages.enumerated().map { index, stage in
      for node in stage.nodes where !plan.isFolded(node) {
        for case let value? in run.graph.nodes[node].outputs { alive.insert(value) }
      }
      alive = alive.filter { lastReader[$0] ?? -1 > index }
      return alive.reduce(0) { $0 + byteCount($1) }
    }
  }
}
