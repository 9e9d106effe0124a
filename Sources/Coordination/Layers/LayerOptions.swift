import Graphs

/// Which layers are measured, and on what.
public struct LayerOptions: Sendable {
  /// An ONNX model, or a file of layers (`.npz`, `.safetensors`): for each layer NAME the arrays `NAME.weight`, rows x
  /// columns, and `NAME.inputs`, tokens x columns.
  public var model: String
  /// The samples of a model: a file or a folder of files; nil for a file of layers, which has its inputs in it.
  public var calibration: String?
  /// Patterns of the layers that are taken; empty for all.
  public var patterns: [String] = []
  /// The share of the samples, from the last, that layers are not calibrated on.
  public var heldOut = 0.0
  /// At most this many samples, from the first; nil for all.
  public var samples: Int?
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

  /// The source that the options describe: a file of layers by its ending, else a model.
  func source(addsBiases: Bool) throws -> any LayerSource {
    let name = model.lowercased()
    guard name.hasSuffix(".npz") || name.hasSuffix(".safetensors") else {
      return try ModelSource(self, addsBiases: addsBiases)
    }
    return try LayerSetSource(self)
  }
}
