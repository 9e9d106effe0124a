import Calibration
import Foundation
import Graphs
import LinearAlgebra
import MPI
import Quantization

/// One sensitivity map of the layers of a model, on the activations of the float model.
///
/// Samples are split over the ranks for the Hessians, input groups for the factorizations and maps.
public struct SensitivityRun {
  /// An input group whose map is still to be made, on the rank that makes it.
  private struct Job: Sendable {
    let group: InputGroup
    let moments: [InputMoments]
  }

  private let options: SensitivityOptions
  private var source: any LayerSource
  private let timer = PhaseTimer()
  private var progress: Progress

  /// Reads the model and its samples. Collective; throws what is wrong with either, on all ranks, before any work starts.
  public init(_ options: SensitivityOptions, _ world: borrowing Communicator) throws {
    Parallel.useSingleThreadedLibraries()
    let source = try options.layers.source(addsBiases: options.centersInputs, timer, world)
    self.source = source
    self.options = try world.collectively { try options.resolved(for: source) }
    progress = Progress(total: Double(source.layers.count), unit: "layers", enabled: world.rank == 0)
  }

  /// What will be done, for the start of the run.
  public var description: [String] {
    source.description + [
      "sensitivity: \(options.scheme.bits) bits, \(options.scheme.description), grid \(options.grid.rawValue), damping \(options.damping)"
    ]
  }

  /// Measures all layers and writes pictures and report. Collective; the report is nil on all ranks but 0.
  public mutating func run(_ world: borrowing Communicator) throws -> SensitivityReport? {
    try world.collectively { try timer.measure(.read) { try source.open(rank: world.rank, size: world.size) } }
    let threads = options.layers.threads
    var load = [Double](repeating: 0, count: world.size)
    var (own, waiting): ([Job], Int) = ([], 0)
    var maps: [SensitivityMap] = []
    for (index, stage) in source.stages.enumerated() {
      let moments = try StageMoments(source, stage: index, .calibration, threads: threads, timer: timer, world)
      for (group, moments) in zip(stage.inputGroups, moments.groups) {
        let rank = load.indices.min { (load[$0], $0) < (load[$1], $1) }!
        let columns = Double(group.columns)
        load[rank] += columns * columns * columns * Double(group.groups)
        if rank == world.rank { own.append(Job(group: group, moments: moments)) }
        waiting += 1
      }
      // Groups wait until all threads of all ranks have work; their Hessians are held by one rank each.
      if waiting >= world.size * threads || index == source.stages.count - 1 {
        maps += try world.collectively { try timer.measure(.factor) { try makeMaps(own) } }
        (own, waiting) = ([], 0)
      }
      progress.advance(by: Double(stage.inputGroups.reduce(0) { $0 + $1.layers.count }), "stage \(index + 1)")
    }
    progress.finish()
    let all = try timer.measure(.gather) { try gather(maps, world) }
    try world.collectively {
      guard let all else { return }
      try timer.measure(.write) { try SensitivityFiles(options, layers: source.layers, maps: all).write() }
    }
    return try report(all, world)
  }

  private func makeMaps(_ jobs: [Job]) throws -> [SensitivityMap] {
    let (source, options) = (source, options)
    return try Parallel.map(jobs.count, threads: options.layers.threads) { index throws(CoordinationError) in
      try Self.maps(jobs[index], source, options)
    }.flatMap { $0 }
  }

  private static func maps(
    _ job: Job, _ source: any LayerSource, _ options: SensitivityOptions
  ) throws(CoordinationError) -> [SensitivityMap] {
    let isCentered = options.centersInputs && source.hasBiases(job.group)
    var member = job.group.layers[0]
    do throws(QuantizationError) {
      var factors: [SharedFactor] = []
      for var moments in job.moments {
        if isCentered { moments.center() }
        factors.append(
          try SharedFactor.make(hessian: moments.hessian, order: .natural, damping: options.damping))
      }
      var maps: [SensitivityMap] = []
      for layer in job.group.layers {
        member = layer
        maps.append(
          try SensitivityMap(
            layer: layer, planned: PlannedLayer(layer: source.layers[layer], scheme: options.scheme, bias: nil),
            matrix: source.matrix(layer), factors: factors, grid: options.grid, limit: options.isSheet ? 192 : 1024))
      }
      return maps
    } catch { throw .layer(name: source.layers[member].name, reason: error.description) }
  }

  /// All ranks' maps on rank 0 in the order of layers; nil elsewhere. Collective.
  private func gather(_ maps: [SensitivityMap], _ world: borrowing Communicator) throws -> [SensitivityMap]? {
    let bytes = try world.collectively { Array(try JSONEncoder().encode(maps)) }
    let gathered = try world.gatherv(bytes.span, waiting: .polite)
    return try world.collectively { () throws -> [SensitivityMap]? in
      guard let gathered else { return nil }
      return try (0..<world.size).flatMap { rank in
        try JSONDecoder().decode([SensitivityMap].self, from: Data(gathered[rank]))
      }.sorted { $0.layer < $1.layer }
    }
  }

  private func report(
    _ maps: [SensitivityMap]?, _ world: borrowing Communicator
  ) throws -> SensitivityReport? {
    let phases = try timer.summary(world)
    return try world.collectively { () throws -> SensitivityReport? in
      guard let maps else { return nil }
      let entries = maps.map { map in
        let layer = source.layers[map.layer]
        return SensitivityReport.LayerEntry(
          name: layer.name, rows: layer.rows, columns: layer.columns, groups: layer.groups, damping: map.damping,
          total: map.total, statistics: map.statistics)
      }
      let report = SensitivityReport(
        model: options.layers.model, output: options.output, ranks: world.size, threads: options.layers.threads,
        samples: source.sampleCount(.calibration), bits: options.scheme.bits, grid: options.grid.rawValue,
        layers: entries, phases: phases)
      if let path = options.report { try JSONReport.write(report, to: path) }
      return report
    }
  }
}
