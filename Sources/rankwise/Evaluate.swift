import ArgumentParser
import Coordination
import MPI

/// `rankwise evaluate`.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Runs a model on samples: top-1 accuracy, and the error against a reference model; or a language model's perplexity.",
    discussion: """
      Perplexity is exp of the mean of -log p over all predicted tokens: a text becomes tokens by the folder's \
      tokenizer.json, the tokens are cut into windows one behind the other, and in each all but the first token are \
      predicted. It is the same number on any number of ranks and threads.
      """)

  @Argument(help: "The ONNX model, float or quantized; or the folder of a language model (config.json, safetensors).")
  var model: String

  @Option(help: "Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them.")
  var data: String?

  @Option(help: "Token ids for a language model: a .npy file of integers, one sequence or windows x length.")
  var tokens: String?

  @Option(
    help: """
      A text for a language model: plain, or JSON lines (.jsonl, .json) with a text or with messages; all of it is \
      predicted, or the first --samples windows.
      """)
  var text: String?

  @Option(
    help: "Tokens of a window into which a sequence is cut (default: 2048, or fewer if the model takes fewer).")
  var sequenceLength: Int?

  @Option(help: "Class labels: a .npy file with one integer per sample.")
  var labels: String?

  @Option(help: "A model whose outputs are the truth, usually the float one.")
  var reference: String?

  @Option(help: "Write all outputs to this .safetensors file, first axis = samples.")
  var outputs: String?

  @Option(help: "Write the results as JSON to this file.")
  var report: String?

  @OptionGroup var access: AccessOptions

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if [data, tokens, text].count(where: { $0 != nil }) != 1 {
      throw ValidationError("give samples with --data, or what a language model is to predict with --text or --tokens")
    }
    if data == nil, labels != nil || reference != nil || outputs != nil {
      throw ValidationError("--labels, --reference and --outputs do not go with --text or --tokens")
    }
    if let sequenceLength {
      if data != nil { throw ValidationError("--sequence-length goes with --text and --tokens") }
      if sequenceLength < 2 { throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 2") }
    }
  }

  mutating func run() throws {
    guard let data else { return try runPerplexity() }
    var options = EvaluateOptions(model: model, data: data)
    (options.labels, options.reference, options.outputs, options.report) = (labels, reference, outputs, report)
    options.samples = sampleOptions.samples
    options.normalization = try sampleOptions.normalization()
    MPIEnvironment.run { world in
      var options = options
      let files =
        [InputAccess.Input.model(model), .samples(data)] + (labels.map { [.samples($0)] } ?? [])
        + (reference.map { [.model($0)] } ?? [])
      let inputs = try access.open(files, world)
      (options.model, options.data) = (inputs.paths[0], inputs.paths[1])
      if labels != nil { options.labels = inputs.paths[2] }
      if reference != nil { options.reference = inputs.paths.last }
      options.threads = try ThreadShare.agreed(asked: sampleOptions.threads, world)
      var run = try world.collectively { try EvaluationRun(options) }
      try inputs.release(world)
      show(inputs.description + (try run.run(world).text), on: world)
    }
  }

  private func runPerplexity() throws {
    MPIEnvironment.run { world in
      let inputs = try access.open(
        [.model(model), text.map { .onlyFirstRank($0) } ?? .samples(tokens!)], world)
      var options = PerplexityOptions(
        model: inputs.paths[0], source: text.map { .text($0) } ?? .tokens(inputs.paths[1]))
      (options.sequenceLength, options.windows) = (sequenceLength, sampleOptions.samples)
      options.report = report
      options.threads = try ThreadShare.agreed(asked: sampleOptions.threads, world)
      let run = try PerplexityRun(options, world)
      try inputs.release(world)
      show(inputs.description + (try run.run(world).lines), on: world)
    }
  }
}
