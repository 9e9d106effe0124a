import ArgumentParser
import Coordination
import Quantization

/// The options by which `compare` and `sensitivity` choose layers and what shares a scale.
struct LayerArguments: ParsableArguments {
  @Argument(
    help: """
      The ONNX model; or layers with their inputs, a .npz or .safetensors file of arrays NAME.weight (rows x columns) and \
      NAME.inputs (tokens x columns).
      """)
  var model: String

  @Option(help: "Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them.")
  var calibration: String?

  @Option(parsing: .singleValue, help: ArgumentHelp("Only these layers; may be repeated.", valueName: "pattern"))
  var layers: [String] = []

  @Flag(help: "Zero points in the middle of the codes.")
  var symmetric = false

  @Option(help: "What shares a scale: the whole tensor, an output channel, or a group of its columns.")
  var granularity = Quantize.Granularity.channel

  @Option(help: "Columns of a group, with --granularity group.")
  var groupSize: Int?

  func validate() throws {
    if granularity == .group, groupSize == nil { throw ValidationError("--granularity group needs --group-size") }
    if let groupSize {
      if granularity != .group { throw ValidationError("--group-size goes with --granularity group") }
      if groupSize < 1 { throw ValidationError("--group-size is \(groupSize); it must be at least 1") }
    }
  }

  /// What shares a scale.
  var schemeGranularity: QuantizationScheme.Granularity {
    switch granularity {
    case .tensor: .tensor
    case .channel: .channel
    case .group: .group(size: groupSize!)
    }
  }

  /// The layers and samples that the options describe.
  func options(_ samples: SampleOptions, heldOut: Double) throws -> LayerOptions {
    var options = LayerOptions(model: model, calibration: calibration)
    (options.patterns, options.heldOut) = (layers, heldOut)
    (options.samples, options.threads) = (samples.samples, samples.threads)
    options.normalization = try samples.normalization()
    return options
  }
}
