import Calibration
import Foundation
import Graphs
import LinearAlgebra
import MPI
import Models
import Tokenization

/// Plans a run without running it: what each phase takes on a machine, for any number of ranks.
public struct PlanRun {
  private let options: PlanOptions
  let run: QuantizationRun
  private let model: PlanningModel
  /// Seconds of processor time in which this process opened the model and the samples.
  private let openSeconds: Double

  /// Reads the model, or its configuration, and partitions the run as `quantize` would. Throws what is wrong with either.
  public init(_ options: PlanOptions) throws {
    Parallel.useSingleThreadedLibraries()
    self.options = options
    let start = ThreadClock.seconds
    let (model, feed) = try Self.feed(
      options.quantize,
      PlanningModel(options.quantize.model).preparedForQuantization().computing(
        in: options.quantize.compute.elementType))
    let text = try Self.textSeconds(options.quantize, model)
    (self.model, openSeconds) = (model, text ?? ThreadClock.seconds - start)
    run = try QuantizationRun(options.quantize, model, feed, isCoordinator: false, PhaseTimer())
  }

  /// Samples of the shape and number that a run would have.
  private static func feed(
    _ options: QuantizeOptions, _ model: PlanningModel
  ) throws -> (PlanningModel, SampleFeed) {
    let (path, normalization) = (options.calibration, options.normalization)
    guard let language = model.language else {
      let graph = try model.graph()
      if !path.isEmpty {
        return (
          model,
          try SampleFeed(
            samples: SampleSet(path: path), path: path, graph: graph, limit: options.samples,
            normalization: normalization)
        )
      }
      return (model, try syntheticFeed(options, graph))
    }
    var windows = (
      count: options.samples ?? 128, length: options.sequenceLength ?? min(2048, language.maximumPositions)
    )
    if !path.isEmpty, !TokenSource.isText(path) {
      let read = try TokenWindows(
        path: path, length: windows.length, limit: options.samples, vocabulary: language.vocabularySize)
      windows = (read.count, read.length)
    }
    guard windows.length >= 2, windows.length <= language.maximumPositions else {
      throw CoordinationError.tokens(
        path: options.model,
        reason: "sequences of \(windows.length) tokens, but the model takes 2 to \(language.maximumPositions); "
          + "give another --sequence-length")
    }
    let limited = model.limited(positions: windows.length)
    let graph = try limited.graph()
    let ids = Tensor(
      [Int64](repeating: 0, count: windows.count * windows.length), shape: [windows.count, windows.length])
    let samples = SampleSet(ids, name: graph.values[graph.inputs[0]].name, path: options.model)
    return (
      limited,
      try SampleFeed(
        samples: samples, path: options.model, graph: graph, limit: nil, normalization: SampleNormalization())
    )
  }

  /// Seconds in which the model's tokenizer is read and encodes the text to calibrate on, by a part of it; nil if samples are no text.
  private static func textSeconds(_ options: QuantizeOptions, _ model: PlanningModel) throws -> Double? {
    let path = options.calibration
    guard !path.isEmpty, TokenSource.isText(path), model.hasWeights, let language = model.language,
      let file = FileHandle(forReadingAtPath: path)
    else { return nil }
    defer { try? file.close() }
    let size = Double(try file.seekToEnd())
    try file.seek(toOffset: 0)
    let part = try file.read(upToCount: 1 << 18) ?? Data()
    let start = ThreadClock.seconds
    let tokenizer = try Tokenizer(contentsOf: language.path)
    let loaded = ThreadClock.seconds
    _ = try tokenizer.encode(String(decoding: part, as: UTF8.self))
    return loaded - start + (ThreadClock.seconds - loaded) * size / Double(max(part.count, 1))
  }

  /// Samples of an ONNX model with one input whose shape the file gives.
  private static func syntheticFeed(_ options: QuantizeOptions, _ graph: Graph) throws -> SampleFeed {
    guard graph.inputs.count == 1, let shape = graph.values[graph.inputs[0]].shape?.dropFirst(),
      case let known = shape.compactMap(\.self), known.count == shape.count
    else {
      throw CoordinationError.samplesDoNotFit(
        path: options.model, reason: "the file does not give the shape of a sample; give --calibration")
    }
    let value = graph.values[graph.inputs[0]]
    let type = TensorType(value.elementType ?? .float32, [options.samples ?? 128] + known)
    return try SampleFeed(
      samples: SampleSet(SyntheticTensor.make(type), name: value.name, path: options.model), path: options.model,
      graph: graph, limit: nil, normalization: SampleNormalization())
  }

  /// Measures or reads the machine and plans all layouts. Collective; every rank gets the report.
  ///
  /// Throws if the machine's file cannot be used, and if no layout fits into the memory of its nodes.
  public func plan(_ world: borrowing Communicator) throws -> PlanReport {
    var machine = try machine(world)
    if let cores = options.coresPerNode { machine.cores = cores }
    if let memory = options.memoryPerNode { machine.memory = memory }
    if let rate = options.networkRate { machine.networkRate = rate }
    if let latency = options.latency { machine.latency = latency }
    let costs = try OperatorCosts(run, machine)
    let stages = PlannedStage.all(costs)
    var entries = options.layouts.map { entry($0, costs, stages) }
    for index in entries.indices.dropFirst() {
      let (before, now) = (entries[index - 1], entries[index])
      let more =
        now.nodes == before.nodes
        ? Double(now.ranks) / Double(before.ranks) : Double(now.nodes) / Double(before.nodes)
      entries[index].efficiency = before.seconds / now.seconds / more
    }
    let report = PlanReport(run, machine, entries, worthwhile: options.worthwhile)
    if !entries.contains(where: \.fits) { throw CoordinationError.doesNotFit(refusal(entries[0], costs, stages)) }
    return report
  }

  func entry(_ layout: PlanOptions.Layout, _ costs: OperatorCosts, _ stages: [PlannedStage]) -> PlanEntry {
    let perNode = (layout.ranks + layout.nodes - 1) / layout.nodes
    let threads = options.threads ?? max(1, costs.machine.cores / perNode)
    var simulation = PlanSimulation(run: run, machine: costs.machine, layout: layout, threads: threads, stages: stages)
    simulation.fileCount = model.fileCount
    // Weights in a mapped file are read when they are used.
    simulation.readSeconds =
      openSeconds + (model.hasWeights ? 0 : Double(simulation.modelBytes) / costs.machine.readRate)
    simulation.run.bounds = MemoryBounds(threads: threads)
    if let limit = options.quantize.memoryLimit {
      let model = MemoryModel(run, shapes: costs.shapes, nodes: simulation.places, threads: threads)
      simulation.run.bounds = (try? model.bounds(limit: limit)) ?? model.leastBounds(limit: limit)
    }
    return simulation.result(costs)
  }

  private func machine(_ world: borrowing Communicator) throws -> Machine {
    if let path = options.machine { return try Machine(contentsOf: path) }
    let columns = Set(run.layers.map(\.layer.columns))
    var machine = try MachineMeasurement(options: run.options, modelColumns: columns).run(world)
    machine = try OperatorMeasurement.measured(OperatorCosts(run, machine), hasWeights: model.hasWeights)
    if world.rank == 0, let path = options.measuredMachine { try machine.write(to: path) }
    return machine
  }

  /// Why nothing fits, and what would.
  private func refusal(_ entry: PlanEntry, _ costs: OperatorCosts, _ stages: [PlannedStage]) -> String {
    if let limit = options.quantize.memoryLimit, entry.rankMemory > limit {
      return
        "a rank takes at least \(PlanReport.gigabytes(entry.rankMemory)), more than --memory-limit; give as much, or leave it away"
    }
    let need =
      "\(entry.ranks) rank\(entry.ranks == 1 ? "" : "s") on \(entry.nodes) node\(entry.nodes == 1 ? "" : "s") take "
      + "\(PlanReport.gigabytes(entry.nodeMemory)) of memory per node, which has "
      + "\(PlanReport.gigabytes(costs.machine.memory)) (--memory-per-node)"
    var nodes = 1
    while nodes <= 4096 {
      let other = self.entry(.init(nodes: nodes, ranks: nodes), costs, stages)
      if other.fits {
        return
          "\(need); it fits on \(nodes) node\(nodes == 1 ? "" : "s") with one rank each: --nodes \(nodes) --ranks \(nodes)"
      }
      nodes *= 2
    }
    let least = self.entry(.init(nodes: 4096, ranks: 4096), costs, stages)
    return
      "\(need); more nodes do not help, since every rank holds the weights of two stages and the owner of the "
      + "largest Hessian factors it alone: nodes of \(PlanReport.gigabytes(least.nodeMemory)) would do, with one rank each"
  }
}
