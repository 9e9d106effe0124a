import ArgumentParser
import Coordination
import MPI

/// `rankwise evaluate`.
struct Evaluate: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Runs a model on samples: top-1 accuracy, and the error against a reference model.")

  @Argument(help: "The ONNX model, float or quantized.")
  var model: String

  @Option(help: "Samples: a .npy, .npz or .safetensors file (first axis = samples), or a folder of them.")
  var data: String

  @Option(help: "Class labels: a .npy file with one integer per sample.")
  var labels: String?

  @Option(help: "A model whose outputs are the truth, usually the float one.")
  var reference: String?

  @Option(help: "Write all outputs to this .safetensors file, first axis = samples.")
  var outputs: String?

  @Option(help: "Write the results as JSON to this file.")
  var report: String?

  @OptionGroup var sampleOptions: SampleOptions

  mutating func run() throws {
    var options = EvaluateOptions(model: model, data: data)
    (options.labels, options.reference, options.outputs, options.report) = (labels, reference, outputs, report)
    (options.samples, options.threads) = (sampleOptions.samples, sampleOptions.threads)
    options.normalization = try sampleOptions.normalization()
    MPIEnvironment.run { world in
      var run = try world.collectively { try EvaluationRun(options) }
      show(try run.run(world).text, on: world)
    }
  }
}
