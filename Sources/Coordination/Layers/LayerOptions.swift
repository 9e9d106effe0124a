import Graphs
import MPI
import Models

/// Which layers are measured, and on what.
public struct LayerOptions: Sendable {
  /// An ONNX model, the folder of a language model, or a file of layers (`.npz`, `.safetensors`): for each layer NAME the arrays `NAME.weight`, rows x
  /// columns, and `NAME.inputs`, tokens x columns.
  public var model: String
  /// The samples of a model: a file or a folder of files, for a language model also a text; nil for a file of layers, which
  /// has its inputs in it.
  public var calibration: String?
  /// Patterns of the layers that are taken; empty for all.
  public var patterns: [String] = []
  /// The share of the samples, from the last, that layers are not calibrated on.
  public var heldOut = 0.0
  /// At most this many samples, from the first; nil for all. Of a text so many sequences are drawn; nil for 128, or fewer if
  /// there are fewer.
  public var samples: Int?
  /// Tokens of a sequence of a language model; nil for 2048, or fewer if the model takes fewer.
  public var sequenceLength: Int?
  /// Chooses the sequences that are drawn from a text.
  public var seed: UInt64 = 0
  /// What is done to samples before the model sees them.
  public var normalization = SampleNormalization()
  /// Threads of each rank.
  public var threads = 1

  /// Options with every default but the paths.
  public init(model: String, calibration: String?) { (self.model, self.calibration) = (model, calibration) }

  /// The layers that the patterns name, as indices of `names`. Throws for a pattern that names none.
  func chosen(names: [[String]]) throws(CoordinationError) -> [Int] {
    guard !patterns.isEmpty else { return Array(names.indices) }
    var chosen: Set<Int> = []
    for pattern in patterns {
      let rule = LayerRule(pattern: pattern, action: .keep)
      let matching = names.indices.filter { rule.matches(names: names[$0], index: $0, count: names.count) }
      guard !matching.isEmpty else {
        throw .patternMatchesNothing(pattern: pattern, example: names.first?.first ?? "")
      }
      chosen.formUnion(matching)
    }
    return chosen.sorted()
  }

  /// The source that the options describe: a file of layers by its ending, else a model. Collective; errors are thrown on
  /// all ranks.
  ///
  /// - Parameter addsBiases: whether layers without a bias get one; those of a language model never do.
  func source(
    addsBiases: Bool, _ timer: PhaseTimer, _ world: borrowing Communicator
  ) throws -> any LayerSource {
    let name = model.lowercased()
    if !SourceModels.isFolder(model), name.hasSuffix(".npz") || name.hasSuffix(".safetensors") {
      return try world.collectively { try timer.measure(.read) { try LayerSetSource(self) } }
    }
    let path = try world.collectively {
      guard let calibration else { throw CoordinationError.noSamples(model: model) }
      return calibration
    }
    let origin = CalibrationSource(
      model: model, path: path, samples: samples, sequenceLength: sequenceLength, seed: seed,
      normalization: normalization)
    let opened = try origin.open(timer, world)
    return try world.collectively {
      try timer.measure(.read) { try ModelSource(self, opened.model, opened.feed, addsBiases: addsBiases) }
    }
  }
}
