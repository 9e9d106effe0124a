import Calibration
import Foundation
import LinearAlgebra
import MPI
import Models

/// The perplexity of a language model on all ranks: each forwards its own chunks of windows.
public struct PerplexityRun {
  private let options: PerplexityOptions
  private let network: WindowLosses
  private let partition: ChunkPartition
  private let timer = PhaseTimer()

  /// Tokens of a chunk at least, where windows are shorter.
  private static let chunkTokens = 2048

  /// Reads model and tokens. Collective; throws what is wrong with them, on all ranks, before any work starts.
  public init(_ options: PerplexityOptions, _ world: borrowing Communicator) throws {
    Parallel.useSingleThreadedLibraries()
    self.options = options
    network = try timer.measure(.read) {
      var model = try world.collectively { try HuggingFaceModel(contentsOf: options.model) }
      let windows = try options.tokenSource.windows(for: model, world)
      model.positionLimit = windows.length
      return try world.collectively { [model] in try WindowLosses(model, windows) }
    }
    partition = ChunkPartition(
      sampleCount: network.windows.count, chunkSize: max(1, Self.chunkTokens / network.windows.length))
  }

  /// Runs all windows. Collective; the report is the same on every rank, and its numbers on any number of ranks.
  public func run(_ world: borrowing Communicator) throws -> PerplexityReport {
    let (network, partition) = (network, partition)
    let windows = network.windows
    let own = partition.chunks(ofRank: world.rank, size: world.size)
    let sums = try world.collectively {
      try timer.measure(.forward) {
        try Parallel.map(own.count, threads: options.threads, atOnce: options.threads) {
          index, workers throws -> [Double] in
          try network.losses(of: partition.samples(ofChunk: own.lowerBound + index), workers)
        }
      }
    }
    // Windows are added in their order, whoever ran them.
    let flat = sums.flatMap(\.self)
    let all = try timer.measure(.gather) { try world.allGatherv(flat.span, waiting: .polite).elements }
    let predicted = windows.count * (windows.length - 1)
    let mean = all.reduce(0, +) / Double(predicted)
    let source = options.tokenSource
    let report = PerplexityReport(
      model: options.model, tokens: source.isText ? nil : source.path, text: source.isText ? source.path : nil,
      ranks: world.size, threads: options.threads, tokenCount: windows.tokenCount, windows: windows.count,
      sequenceLength: windows.length, predicted: predicted, meanLoss: mean, perplexity: exp(mean),
      phases: try timer.summary(world))
    try world.collectively {
      if world.rank == 0, let path = options.report { try JSONReport.write(report, to: path) }
    }
    return report
  }
}
