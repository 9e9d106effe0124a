import ArgumentParser
import Coordination
import MPI

/// `rankwise evaluate`.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract:
      "Runs a model on samples: top-1 accuracy, and the error against a reference model; or a language model's perplexity.",
    discussion: """
      Perplexity is exp of the mean of -log p over all predicted tokens: the tokens are cut into windows one behind the \
      other, and in each all but the first token are predicted. It is the same number on any number of ranks and threads.
      """)

  @Argument(help: "The ONNX model, float or quantized; or the folder of a language model (config.json, safetensors).")
  var model: String

  @Option(help: "Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them.")
  var data: String?

  @Option(help: "Token ids for a language model: a .npy file of integers, one sequence or windows x length.")
  var tokens: String?

  @Option(help: "Tokens of a window into which a sequence is cut.")
  var sequenceLength = 2048

  @Option(help: "Class labels: a .npy file with one integer per sample.")
  var labels: String?

  @Option(help: "A model whose outputs are the truth, usually the float one.")
  var reference: String?

  @Option(help: "Write all outputs to this .safetensors file, first axis = samples.")
  var outputs: String?

  @Option(help: "Write the results as JSON to this file.")
  var report: String?

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if (data == nil) == (tokens == nil) {
      throw ValidationError("give samples with --data, or a language model's tokens with --tokens")
    }
    if tokens != nil, labels != nil || reference != nil || outputs != nil {
      throw ValidationError("--labels, --reference and --outputs do not go with --tokens")
    }
    if sequenceLength < 2 { throw ValidationError("--sequence-length is \(sequenceLength); it must be at least 2") }
  }

  mutating func run() throws {
    guard let data else { return try runPerplexity() }
    var options = EvaluateOptions(model: model, data: data)
    (options.labels, options.reference, options.outputs, options.report) = (labels, reference, outputs, report)
    (options.samples, options.threads) = (sampleOptions.samples, sampleOptions.threads)
    options.normalization = try sampleOptions.normalization()
    MPIEnvironment.run { world in
      var run = try world.collectively { try EvaluationRun(options) }
      show(try run.run(world).text, on: world)
    }
  }

  private func runPerplexity() throws {
    var options = PerplexityOptions(model: model, tokens: tokens!)
    (options.sequenceLength, options.windows) = (sequenceLength, sampleOptions.samples)
    (options.threads, options.report) = (sampleOptions.threads, report)
    MPIEnvironment.run { world in
      let run = try world.collectively { try PerplexityRun(options) }
      show(try run.run(world).text, on: world)
    }
  }
}
