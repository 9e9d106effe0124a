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

  /// Reads model and tokens. Throws what is wrong with them before any work starts.
  public init(_ options: PerplexityOptions) throws {
    Parallel.useSingleThreadedLibraries()
    self.options = options
    network = try timer.measure(.read) {
      var model = try HuggingFaceModel(contentsOf: options.model)
      let windows = try TokenWindows(
        path: options.tokens, length: options.sequenceLength, limit: options.windows,
        vocabulary: model.vocabularySize)
      guard windows.length <= model.maximumPositions else {
        throw CoordinationError.tokens(
          path: options.tokens,
          reason: "windows of \(windows.length) tokens, but the model takes \(model.maximumPositions) at most; "
            + "give a shorter --sequence-length")
      }
      model.positionLimit = windows.length
      return try WindowLosses(model, windows)
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
        try Parallel.map(own.count, threads: options.threads) { index throws -> [Double] in
          try network.losses(of: partition.samples(ofChunk: own.lowerBound + index))
        }
      }
    }
    // Windows are added in their order, whoever ran them.
    let flat = sums.flatMap(\.self)
    let all = try timer.measure(.gather) { try world.allGatherv(flat.span, waiting: .polite).elements }
    let predicted = windows.count * (windows.length - 1)
    let mean = all.reduce(0, +) / Double(predicted)
    let report = PerplexityReport(
      model: options.model, tokens: options.tokens, ranks: world.size, threads: options.threads,
      windows: windows.count, sequenceLength: windows.length, predicted: predicted, meanLoss: mean,
      perplexity: exp(mean), phases: try timer.summary(world))
    if world.rank == 0, let path = options.report { try JSONReport.write(report, to: path) }
    return report
  }
}
