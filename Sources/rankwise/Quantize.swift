import ArgumentParser
import Coordination
import MPI
import Models
import Quantization

extension Balance: ExpressibleByArgument {}
extension CheckpointFormat: ExpressibleByArgument {}
extension ColumnOrder: ExpressibleByArgument {}
extension ComputeType: ExpressibleByArgument {}
extension Effort: ExpressibleByArgument {}
extension GridSearch: ExpressibleByArgument {}
extension Method: ExpressibleByArgument {}
extension QuantizeOptions.Propagation: ExpressibleByArgument {}
extension QuantizeOptions.Storage: ExpressibleByArgument {}

/// `rankwise quantize`.
struct Quantize: ParsableCommand {
  /// How many weights share a scale.
  enum Granularity: String, ExpressibleByArgument, CaseIterable { case tensor, channel, group }

  /// Where zero points are.
  enum Symmetry: String, EnumerableFlag { case symmetric, asymmetric }

  /// `off`, or a number above 0 and up to 1.
  struct DriftStrength: ExpressibleByArgument {
    var alpha: Double

    init?(argument: String) {
      guard argument != "off" else {
        alpha = 0
        return
      }
      guard let alpha = Double(argument), alpha > 0, alpha <= 1 else { return nil }
      self.alpha = alpha
    }
  }

  static let configuration = CommandConfiguration(
    abstract: "Writes a model with 2- to 8-bit weights.",
    discussion: """
      The output has the same bytes on any number of ranks and threads. PATTERN is `first`, `last`, or a shell pattern \
      for names of weights or nodes, such as 'layer4.*'; of several that match a layer, the last one counts.
      """)

  @Argument(help: "The ONNX model; or the folder of a language model (config.json, safetensors).")
  var model: String

  @Option(
    help: """
      Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them. For a language model a \
      text, plain or JSON lines, or a .npy file of token ids, sequences x length, or one sequence that is cut.
      """)
  var calibration: String

  @Option(
    help: "Tokens of a sequence that is drawn from a text or cut (default: 2048, or what the model takes at most).")
  var sequenceLength: Int?

  @Option(help: "Chooses the sequences that are drawn from a text; the same seed gives the same ones on every machine.")
  var seed: UInt64 = 0

  @Option(help: "Where the quantized model is written: a file, or for a language model a new folder.")
  var output: String

  @Option(help: "How a language model's folder stores codes (default: compressed-tensors).")
  var format: CheckpointFormat?

  @Option(help: "Bits of a weight, 2 to 8.")
  var bits = 4

  @Option(help: "How codes are chosen: with error compensation, by exact OBQ (slow), or by plain rounding.")
  var method = Method.compensate

  @Option(help: "The order in which columns are quantized.")
  var order = ColumnOrder.pivot

  @Option(help: "How steps are searched.")
  var grid = GridSearch.l24

  @Option(
    help: """
      How many roundings of a row are followed at once: 1, 8 or 32; fast also leaves out drift correction and held-out \
      losses unless they are asked for.
      """)
  var effort = Effort.balanced

  @Flag(help: "Zero points in the middle of the codes, so that none are stored; or not (default: language models).")
  var symmetry: Symmetry?

  @Option(
    help: """
      What shares a scale: the whole tensor, an output channel, or a group of its columns (default: channel; for \
      language models, or with --group-size, group).
      """)
  var granularity: Granularity?

  @Option(
    help: "Columns of a group (default for language models: the largest of 128, 64 and 32 that divides all layers).")
  var groupSize: Int?

  @Option(help: "Share of the mean of the Hessian's diagonal that is added to it; raised where a Hessian needs more.")
  var damping = 0.03

  @Flag(
    inversion: .prefixedNo, exclusivity: .chooseLast,
    help: "Change biases and scales so that each channel keeps its mean and deviation on the calibration samples.")
  var outputCorrection = true

  @Option(help: "One code per byte (operator set 13 on), or two 4-bit codes per byte (operator set 21).")
  var storage: QuantizeOptions.Storage?

  @Option(
    help: """
      What a language model's layers are computed in while they are calibrated (default: bf16 where the CPUs multiply it, \
      else float32).
      """)
  var compute: ComputeType?

  @Option(help: "Calibrate each layer on activations of the layers quantized before it, or of the float model.")
  var propagate = QuantizeOptions.Propagation.quantized

  @Option(
    help: ArgumentHelp(
      "Move weights against the drift of their inputs from the float network's: off, or how far, up to 1 (default: 1; off with --effort fast).",
      valueName: "alpha|off"))
  var driftCorrection: DriftStrength?

  @Option(
    help: ArgumentHelp(
      """
      Calibrate an expert's layer that sees fewer tokens than this times its columns also on tokens that came next to \
      choosing the expert; 0 for never.
      """, valueName: "ratio"))
  var expertTokens = 4.0

  @Option(
    help: """
      Share of the samples on which each layer's loss is only measured; 0 for none (default: 0.125; 0 with --effort fast).
      """)
  var heldOut: Double?

  @Option(name: .long, parsing: .singleValue, help: ArgumentHelp("Layers that stay float.", valueName: "pattern"))
  var keep: [String] = []

  @Option(
    name: .long, parsing: .singleValue,
    help: ArgumentHelp("Layers with other bits, such as 'first=8'.", valueName: "pattern=bits"))
  var bitsFor: [String] = []

  @Option(
    help: """
      Cut work over ranks by their speeds, measured for a moment at the start, or evenly; auto: measured in long runs on \
      several nodes, or where ranks have different numbers of threads. The output is the same.
      """)
  var balance = Balance.auto

  @Flag(
    help: "Go on with a run of the same model, samples and options that was interrupted; on any number of ranks.")
  var resume = false

  @Flag(help: "Begin again where an interrupted run left what it had finished, which is removed.")
  var restart = false

  @Option(
    help: ArgumentHelp(
      "The memory that a rank may take, such as 8GiB; refused before the start if it does not suffice.",
      valueName: "size"))
  var memoryLimit: String?

  @Option(help: "Write tables and times as JSON to this file.")
  var report: String?

  @Option(
    help:
      "Write what every rank did when to this file, as trace events for Perfetto (ui.perfetto.dev) and `rankwise trace`."
  )
  var trace: String?

  @Option(help: "A folder for one log per rank.")
  var logDir: String?

  @OptionGroup var access: AccessOptions

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if !(2...8).contains(bits) { throw ValidationError("--bits is \(bits); it must be 2 to 8") }
    if !(damping >= 0 && damping < .infinity) {
      throw ValidationError("--damping is \(damping); it must be at least 0")
    }
    if let driftCorrection, driftCorrection.alpha > 0 {
      if propagate == .float {
        throw ValidationError("--drift-correction needs --propagate quantized: float activations do not drift")
      }
      if method == .round { throw ValidationError("--drift-correction does nothing with --method round") }
    }
    if !(0...100).contains(expertTokens) {
      throw ValidationError("--expert-tokens is \(expertTokens); it must be 0 to 100")
    }
    if let heldOut, !(0...0.5).contains(heldOut) {
      throw ValidationError("--held-out is \(heldOut); it must be 0 to 0.5")
    }
    _ = try SizeList.optionalBytes(memoryLimit, "--memory-limit")
    if resume, restart { throw ValidationError("give --resume or --restart, not both") }
    if let groupSize {
      if let granularity, granularity != .group { throw ValidationError("--group-size goes with --granularity group") }
      if groupSize < 1 { throw ValidationError("--group-size is \(groupSize); it must be at least 1") }
    }
    if let sequenceLength, sequenceLength < 1 {
      throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 1")
    }
    _ = try rules()
    // Another rank may not have the model yet; then rank 0 refuses for it.
    if Rankwise.isFirstRank { try validateForModel() }
  }

  /// Checks what depends on the kind of the model.
  private func validateForModel() throws {
    let isLanguageModel = QuantizeOptions.isLanguageModel(model)
    if granularity == .group, groupSize == nil, !isLanguageModel {
      throw ValidationError("--granularity group needs --group-size")
    }
    if isLanguageModel, storage != nil { throw ValidationError("--storage is for ONNX models; see --format") }
    if isLanguageModel, granularity == .tensor {
      throw ValidationError("--granularity tensor is for ONNX models; language models have channel and group")
    }
    if !isLanguageModel, format != nil { throw ValidationError("--format is for language models; see --storage") }
    if !isLanguageModel, compute == .bf16 {
      throw ValidationError("--compute bf16 is for language models; ONNX models are computed in float32")
    }
  }

  mutating func run() throws {
    StopSignal.watch()
    MPIEnvironment.run { world in
      let isText = QuantizeOptions.drawsFromText(model: model, calibration: calibration)
      let inputs = try access.open(
        [.model(model), isText ? .onlyFirstRank(calibration) : .samples(calibration)], world)
      var options = try world.collectively { try self.options(model: inputs.paths[0], calibration: inputs.paths[1]) }
      options.compute = try ComputeType.agreed(
        asked: compute, isLanguageModel: QuantizeOptions.isLanguageModel(options.model), world)
      let asked = sampleOptions.threads
      options.threads =
        try balance == .equal ? ThreadShare.agreed(asked: asked, world) : ThreadShare.own(asked: asked, world)
      let log = try world.collectively { try RankLog(directory: logDir, rank: world.rank) }
      var run = try QuantizationRun(options, log: log, world)
      try inputs.release(world)
      show(
        try Banner.lines(version: Rankwise.version, threads: options.threads, world) + inputs.description
          + run.description, on: world)
      let report = try run.run(world)
      show(report.text, on: world)
    }
  }

  /// The options, with model and samples where this rank finds them.
  private func options(model: String, calibration: String) throws -> QuantizeOptions {
    let isLanguageModel = QuantizeOptions.isLanguageModel(model)
    let granularity: QuantizationScheme.Granularity
    switch self.granularity ?? (groupSize == nil ? (isLanguageModel ? .group : .channel) : .group) {
    case .tensor: granularity = .tensor
    case .channel: granularity = .channel
    case .group: granularity = .group(size: groupSize ?? 128)
    }
    let isSymmetric = symmetry.map { $0 == .symmetric } ?? isLanguageModel
    var options = QuantizeOptions(
      model: model, calibration: calibration, output: output,
      scheme: QuantizationScheme(bits: bits, symmetric: isSymmetric, granularity: granularity))
    if case .group = granularity { options.choosesGroupSize = groupSize == nil }
    (options.format, options.program) = (format ?? .compressedTensors, "rankwise:\(Rankwise.version)")
    (options.sequenceLength, options.seed) = (sequenceLength, seed)
    options.rules = try rules()
    (options.method, options.order, options.grid, options.damping) = (method, order, grid, damping)
    options.effort = effort
    (options.propagation, options.storage, options.report) = (propagate, storage ?? .int8, report)
    (options.trace, options.balance) = (trace, balance)
    options.memoryLimit = try SizeList.optionalBytes(memoryLimit, "--memory-limit")
    options.scratch = access.scratch
    options.start = resume ? .resume : restart ? .restart : .fresh
    options.driftCorrection = driftCorrection?.alpha ?? (effort == .fast ? 0 : 1)
    options.expertTokens = expertTokens
    (options.correctsOutputs, options.heldOut) = (outputCorrection, heldOut ?? (effort == .fast ? 0 : 0.125))
    options.samples = sampleOptions.samples
    options.normalization = try sampleOptions.normalization()
    return options
  }

  private func rules() throws -> [LayerRule] {
    try keep.map { LayerRule(pattern: $0, action: .keep) }
      + bitsFor.map { text in
        let parts = text.split(separator: "=", maxSplits: 2, omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, let bits = Int(parts[1]), (2...8).contains(bits) else {
          throw ValidationError("--bits-for \"\(text)\" is not PATTERN=BITS with 2 to 8 bits")
        }
        return LayerRule(pattern: String(parts[0]), action: .bits(bits))
      }
  }
}
