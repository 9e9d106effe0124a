import Calibration
import Foundation
import Graphs
import LinearAlgebra
import MPI
import Models

/// One evaluation of one model on all ranks: each forwards its own chunks of samples.
public struct EvaluationRun {
  /// A model that is ready to run.
  private struct Network: Sendable {
    let graph: Graph
    let executor: Executor

    init(_ path: String) throws {
      let model = try ONNXModel(contentsOf: path)
      graph = try model.graph()
      executor = try Executor(graph: graph)
    }

    /// The outputs for one batch, in the model's order.
    func outputs(_ inputs: [ValueID: Tensor], _ workers: Workers) throws(ExecutionError) -> [Tensor] {
      let results = try executor.run(inputs: inputs, workers: workers)
      return graph.outputs.map { results[$0]! }
    }
  }

  private let options: EvaluateOptions
  private let network: Network
  private let reference: Network?
  private let feed: SampleFeed
  private let referenceFeed: SampleFeed?
  private let labels: [Int]?
  private let partition: ChunkPartition
  private let timer: PhaseTimer

  /// Reads models, samples and labels. Throws what is wrong with them before any work starts.
  public init(_ options: EvaluateOptions) throws {
    Parallel.useSingleThreadedLibraries()
    let timer = PhaseTimer()
    let (network, reference, feeds, labels) = try timer.measure(.read) {
      let network = try Network(options.model)
      let reference = try options.reference.map { try Network($0) }
      if let reference { try Self.check(reference, against: network, path: options.reference ?? "") }
      let samples = try SampleSet(path: options.data)
      let feeds = try [network, reference].map { network in
        try network.map { network in
          try SampleFeed(
            samples: samples, path: options.data, graph: network.graph, limit: options.samples,
            normalization: options.normalization)
        }
      }
      return (network, reference, feeds, try options.labels.map { try Self.labels($0, count: samples.count) })
    }
    self.options = options
    self.timer = timer
    self.network = network
    self.reference = reference
    self.labels = labels
    feed = feeds[0]!
    referenceFeed = feeds[1]
    let batch = feed.fixedBatch ?? 1
    partition = ChunkPartition(sampleCount: feed.count, chunkSize: max(1, 16 / batch) * batch)
  }

  /// Throws unless `reference` has the outputs of `network`.
  private static func check(_ reference: Network, against network: Network, path: String) throws {
    let names = [network, reference].map { network in network.graph.outputs.map { network.graph.values[$0].name } }
    guard names[0] == names[1] else {
      throw CoordinationError.reference(path: path, reason: "its outputs are \(names[1]), the model's \(names[0])")
    }
  }

  /// Runs all samples. Collective; the report is the same on every rank.
  public mutating func run(_ world: borrowing Communicator) throws -> EvaluationReport {
    let own = partition.chunks(ofRank: world.rank, size: world.size)
    let (network, reference, feed, referenceFeed) = (network, reference, feed, referenceFeed)
    let (labels, partition, keepsOutputs) = (labels, partition, options.outputs != nil)
    let outputCount = network.graph.outputs.count
    let results = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(own.count, threads: options.threads, atOnce: options.threads) {
          index, workers throws -> (OutputStatistics, [[Tensor]]) in
          let samples = partition.samples(ofChunk: own.lowerBound + index)
          var statistics = OutputStatistics(outputs: outputCount)
          var kept: [[Tensor]] = []
          var first = samples.lowerBound
          let batches = try feed.inputs(for: samples)
          let referenceBatches = try referenceFeed?.inputs(for: samples) ?? []
          for batch in batches.indices {
            let outputs = try network.outputs(batches[batch], workers)
            var truth: [Tensor]?
            if let reference { truth = try reference.outputs(referenceBatches[batch], workers) }
            try statistics.add(outputs, truth, labels: labels, first: first, network.graph)
            first += feed.fixedBatch ?? samples.count
            if keepsOutputs { kept.append(outputs) }
          }
          return (statistics, kept)
        }
      }
    }
    let total = try timer.measure(.gather) { try OutputStatistics.sum(results.map(\.0), outputs: outputCount, world) }
    if let path = options.outputs {
      try timer.measure(.gather) { try writeOutputs(results.flatMap(\.1), to: path, world) }
    }
    return try report(total, world)
  }

  /// Gathers all outputs on rank 0, which writes them as one safetensors file, first axis = samples. Collective.
  private func writeOutputs(
    _ batches: [[Tensor]], to path: String, _ world: borrowing Communicator
  ) throws {
    var tensors: [String: Tensor] = [:]
    for (index, id) in network.graph.outputs.enumerated() {
      let own = batches.map { $0[index] }.filter { $0.elementType == .float32 }
      let elements = try Self.gathered(own.flatMap { $0.array(of: Float.self) }, world)
      // Rank 0 forwards the first chunk, so it knows the shape of a sample's output.
      guard world.rank == 0, let inner = own.first?.shape.dropFirst() else { continue }
      let samples = elements.count / max(inner.reduce(1, *), 1)
      tensors[network.graph.values[id].name] = Tensor(elements, shape: [samples] + inner)
    }
    try world.collectively {
      if world.rank == 0 { try TensorArchive.write(tensors, to: path) }
    }
  }

  /// All ranks' elements on rank 0; nothing elsewhere. Collective.
  private static func gathered(_ own: [Float], _ world: borrowing Communicator) throws -> [Float] {
    let gathered = try world.gatherv(own.span, waiting: .polite)
    return gathered?.elements ?? []
  }

  private func report(
    _ total: OutputStatistics, _ world: borrowing Communicator
  ) throws -> EvaluationReport {
    let count = Double(feed.count)
    let compared = reference == nil ? [] : Array(network.graph.outputs.indices)
    let entries = compared.map { index in
      EvaluationReport.OutputEntry(
        name: network.graph.values[network.graph.outputs[index]].name, errors: total.errors[index])
    }
    let classifies = Self.classOutput(network.graph) != nil
    let report = EvaluationReport(
      model: options.model, reference: options.reference, ranks: world.size, threads: options.threads,
      samples: feed.count, top1: labels == nil ? nil : total.correct / count,
      correct: labels == nil ? nil : Int(total.correct),
      agreement: reference == nil || !classifies ? nil : total.agreeing / count, outputs: entries,
      phases: try timer.summary(world))
    if world.rank == 0, let path = options.report { try JSONReport.write(report, to: path) }
    return report
  }

  /// The output that holds class scores: the first float output of shape (samples, classes), if the model states one.
  static func classOutput(_ graph: Graph) -> Int? {
    graph.outputs.firstIndex { graph.values[$0].shape?.count == 2 }
  }

  private static func labels(_ path: String, count: Int) throws -> [Int] {
    let set = try SampleSet(path: path)
    guard set.count == count else {
      throw CoordinationError.labels(path: path, reason: "\(set.count) labels for \(count) samples")
    }
    let tensor = try set.samples(0..<count)
    guard tensor.count == count else {
      throw CoordinationError.labels(
        path: path, reason: "labels of shape \(tensor.shape); one integer per sample is needed")
    }
    guard let labels = integers(tensor) else {
      throw CoordinationError.labels(
        path: path, reason: "labels of type \(tensor.elementType); int64, int32 or uint8 is needed")
    }
    return labels
  }

  /// The elements of an integer tensor; nil if it holds something else.
  private static func integers(_ tensor: Tensor) -> [Int]? {
    func all<Element: TensorElement & BinaryInteger>(_ type: Element.Type) -> [Int] {
      tensor.withElements(as: type) { elements in elements.map { Int($0) } }
    }
    return switch tensor.elementType {
    case .int64: all(Int64.self)
    case .int32: all(Int32.self)
    case .uint8: all(UInt8.self)
    default: nil
    }
  }
}
