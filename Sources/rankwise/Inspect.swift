import ArgumentParser
import Coordination
import MPI

/// `rankwise inspect`.
struct Inspect: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Lists the layers of a model: names, shapes, groups, bits, stages.")

  @Argument(help: "The ONNX model, float or quantized; or the folder of a language model (config.json, safetensors).")
  var model: String

  @Option(help: "Write the list as JSON to this file.")
  var report: String?

  mutating func run() throws {
    MPIEnvironment.run { world in
      try world.collectively {
        guard world.rank == 0 else { return }
        let inspection = try Inspection(model: model)
        if let report { try inspection.write(to: report) }
        show(inspection.text, on: world)
      }
    }
  }
}
