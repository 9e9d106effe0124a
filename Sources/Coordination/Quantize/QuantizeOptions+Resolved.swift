import Graphs
import Models
import Quantization

extension QuantizeOptions {
  /// How the model is written.
  var writing: WritingOptions {
    var writing = WritingOptions(path: output)
    writing.storage = storage == .packed ? .packed : .int8
    writing.method = method.rawValue
    (writing.checkpoint.format, writing.checkpoint.quantizer) = (format, program)
    writing.checkpoint.damping = damping
    return writing
  }

  /// How the model is written by a rank: only the coordinator checks that it can be, since only it does. The place may be none on the
  /// nodes of other ranks.
  func writing(isCoordinator: Bool) -> WritingOptions {
    var writing = writing
    writing.checksPath = isCoordinator
    return writing
  }

  /// The options with what only the model decides: the type of scales, the size of groups; and without output correction
  /// for language models, whose Linear modules keep their biases, or have none.
  ///
  /// Throws if no size of groups divides all layers.
  func resolved(for model: any SourceModel, _ graph: Graph) throws -> QuantizeOptions {
    var options = self
    if model.isLanguageModel { options.correctsOutputs = false }
    var granularity = scheme.granularity
    if choosesGroupSize, model.isLanguageModel { granularity = .group(size: try groupSize(graph)) }
    let type = try model.scaleType(writing)
    options.scheme = QuantizationScheme(
      bits: scheme.bits, symmetric: scheme.symmetric, granularity: granularity,
      scaleType: ScaleType(rawValue: type.rawValue)!)
    return options
  }

  private func groupSize(_ graph: Graph) throws -> Int {
    let layers = graph.layers().layers
    let names = layers.map { [$0.name, graph.nodes[$0.node].name] }
    let bits = try LayerRule.bits(names: names, default: scheme.bits, rules: rules)
    return try zip(layers, bits).compactMap { $1 == nil ? nil : $0 }.largestGroupSize()
  }
}

extension QuantizationScheme {
  /// Symmetry and granularity, for people.
  var description: String {
    let shared =
      switch granularity {
      case .tensor: "one scale per tensor"
      case .channel: "one scale per channel"
      case .group(let size): "groups of \(size)"
      }
    return "\(symmetric ? "symmetric" : "asymmetric"), \(shared)"
  }
}
