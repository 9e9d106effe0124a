import Calibration
import Graphs
import Models

/// Cuts a set of samples into the inputs of a model, chunk by chunk.
///
/// A model with an open batch gets a chunk as one batch; a model with a fixed batch gets it as several.
struct SampleFeed: Sendable {
  let samples: SampleSet
  let normalization: SampleNormalization
  /// Samples that are used: the first `count` of the set.
  let count: Int
  /// The model's own batch size; nil if it is open.
  let fixedBatch: Int?
  private let inputs: [(id: ValueID, name: String, type: ElementType, shape: [Int?]?)]

  /// Checks that `samples` has an array for each input of `graph`, of a shape that fits.
  init(
    samples: SampleSet, path: String, graph: Graph, limit: Int?, normalization: SampleNormalization
  ) throws {
    self.samples = samples
    self.normalization = normalization
    try samples.check(inputs: graph.inputs.map { graph.values[$0] })
    inputs = graph.inputs.map { id in
      let value = graph.values[id]
      return (id, value.name, value.elementType ?? .float32, value.shape)
    }
    let batches = Set(inputs.compactMap { $0.shape.flatMap { $0.first ?? nil } })
    guard batches.count <= 1 else {
      throw CoordinationError.samplesDoNotFit(
        path: path, reason: "the model's inputs have different batches \(batches)")
    }
    fixedBatch = batches.first
    var count = min(samples.count, limit ?? samples.count)
    if let fixedBatch { count -= count % max(fixedBatch, 1) }
    guard count > 0 else {
      throw CoordinationError.samplesDoNotFit(
        path: path, reason: "\(samples.count) samples, but the model takes batches of \(fixedBatch ?? 1)")
    }
    self.count = count
  }

  /// The model's inputs for samples `range`: one set per batch.
  func inputs(for range: Range<Int>) throws -> [[ValueID: Tensor]] {
    let batch = fixedBatch ?? range.count
    return try stride(from: range.lowerBound, to: range.upperBound, by: batch).map { start in
      try Dictionary(
        uniqueKeysWithValues: inputs.map { input in
          let raw = try samples.samples(start..<min(start + batch, range.upperBound), input: input.name)
          return (input.id, try normalization.apply(raw, as: input.type))
        })
    }
  }

  /// The types of the inputs of one batch of `batch` samples.
  func inputTypes(batch: Int) -> [ValueID: TensorType] {
    Dictionary(
      uniqueKeysWithValues: inputs.map { input in
        (input.id, TensorType(input.type, [batch] + samples.sampleShape(input: input.name)!))
      })
  }
}
