import Calibration
import Graphs

/// The rows of an expert's inputs in a chunk that sums are formed of.
struct ExpertRows: Sendable {
  /// The tokens of each batch.
  var batches: [ExpertTokens]
  /// What the rows of tokens that did not choose the expert are multiplied by.
  var extraFactor: Float

  /// What a token that did not choose an expert counts in its Hessian, where it counts; one that did counts 1.
  ///
  /// Held-out losses of experts are flat from 0.2 to 0.5 (Benchmarks/README.md).
  static let extraWeight = 0.25
}

extension Chunk {
  /// The rows of what `group` reads that sums are formed of; nil for all.
  ///
  /// - Parameter includesExtra: whether tokens that did not choose the group's expert count, by `ExpertRows.extraWeight`.
  func expertRows(of group: InputGroup, includesExtra: Bool) -> ExpertRows? {
    guard let route = group.route else { return nil }
    let tokens = tokens(of: route)
    return ExpertRows(
      batches: includesExtra ? tokens : tokens.map(\.own), extraFactor: Float(ExpertRows.extraWeight.squareRoot()))
  }
}

extension QuantizationRun {
  /// With fewer tokens than this, the layers of a group of an expert are calibrated on others besides; 0 for never.
  func leastTokens(of group: InputGroup) -> Int {
    guard group.route != nil, options.method.compensates else { return 0 }
    return Int((options.expertTokens * Double(group.columns)).rounded(.up))
  }

  /// The tokens that an expert is to run on in each chunk, so that all chunks together have enough of them.
  var fewestExpertTokens: Int {
    let most = stages.lazy.flatMap(\.inputGroups).map { leastTokens(of: $0) }.max() ?? 0
    return (most + chunkPartition.chunkCount - 1) / chunkPartition.chunkCount
  }
}
