import ArgumentParser
import Coordination
import Quantization

/// The options by which `compare` and `sensitivity` choose layers and what shares a scale.
struct LayerArguments: ParsableArguments {
  @Argument(
    help: """
      The ONNX model; the folder of a language model (config.json, safetensors); or layers with their inputs, a .npz or .safetensors file of arrays NAME.weight (rows x columns) and \
      NAME.inputs (tokens x columns).
      """)
  var model: String

  @Option(
    help: """
      Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them; for a language model token \
      ids, or a text, plain or JSON lines.
      """)
  var calibration: String?

  @Option(help: "Tokens of a sequence of a language model (default: 2048, or fewer if the model takes fewer).")
  var sequenceLength: Int?

  @Option(help: "Chooses the sequences that are drawn from a text.")
  var seed: UInt64 = 0

  @Option(parsing: .singleValue, help: ArgumentHelp("Only these layers; may be repeated.", valueName: "pattern"))
  var layers: [String] = []

  @Flag(help: "Zero points in the middle of the codes, or not (default: language models).")
  var symmetry: Quantize.Symmetry?

  @Option(
    help: """
      What shares a scale: the whole tensor, an output channel, or a group of its columns (default: channel; for language \
      models, or with --group-size, group).
      """)
  var granularity: Quantize.Granularity?

  @Option(
    help: "Columns of a group (default for language models: the largest of 128, 64 and 32 that divides all layers).")
  var groupSize: Int?

  func validate() throws {
    if granularity == .group, groupSize == nil, !isLanguageModel {
      throw ValidationError("--granularity group needs --group-size")
    }
    if let sequenceLength {
      if !isLanguageModel { throw ValidationError("--sequence-length is for language models") }
      if sequenceLength < 1 { throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 1") }
    }
    if let groupSize {
      if let granularity, granularity != .group { throw ValidationError("--group-size goes with --granularity group") }
      if groupSize < 1 { throw ValidationError("--group-size is \(groupSize); it must be at least 1") }
    }
  }

  /// Whether the model is a language model, whose defaults differ.
  var isLanguageModel: Bool { QuantizeOptions.isLanguageModel(model) }

  /// Whether zero points are in the middle of the codes.
  var isSymmetric: Bool { symmetry.map { $0 == .symmetric } ?? isLanguageModel }

  /// What shares a scale; the size of groups is to be chosen if `choosesGroupSize`.
  var schemeGranularity: QuantizationScheme.Granularity {
    switch granularity ?? (groupSize != nil || isLanguageModel ? .group : .channel) {
    case .tensor: .tensor
    case .channel: .channel
    case .group: .group(size: groupSize ?? 128)
    }
  }

  /// Whether the size of groups follows from the layers.
  var choosesGroupSize: Bool {
    if case .group = schemeGranularity { groupSize == nil } else { false }
  }

  /// The layers and samples that the options describe.
  func options(_ samples: SampleOptions, heldOut: Double) throws -> LayerOptions {
    var options = LayerOptions(model: model, calibration: calibration)
    (options.patterns, options.heldOut) = (layers, heldOut)
    options.samples = samples.samples
    (options.sequenceLength, options.seed) = (sequenceLength, seed)
    options.normalization = try samples.normalization()
    return options
  }
}
