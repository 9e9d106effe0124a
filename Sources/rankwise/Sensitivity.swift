import ArgumentParser
import Coordination
import MPI
import Quantization

/// `rankwise sensitivity`.
struct Sensitivity: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Maps how sensitive each weight is: (w - Q(w))^2 / inverse(H)_jj, as tables and pictures.",
    discussion: "Layers see the activations of the float model. Files have the same bytes on any number of ranks.")

  @OptionGroup var layerArguments: LayerArguments

  @Option(help: "A folder for a picture per layer and an index.html, or a .png file for all layers on one sheet.")
  var output: String

  @Option(help: "Bits of a weight, 2 to 8.")
  var bits = 4

  @Option(help: "How steps are searched.")
  var grid = GridSearch.minmax

  @Option(help: "Share of the mean of the Hessian's diagonal that is added to it; raised where a Hessian needs more.")
  var damping = 0.01

  @Flag(
    inversion: .prefixedNo, exclusivity: .chooseLast,
    help: "Take Hessians about the mean where a layer's bias may change.")
  var outputCorrection = true

  @Option(help: "Write the table as JSON to this file.")
  var report: String?

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if !(2...8).contains(bits) { throw ValidationError("--bits is \(bits); it must be 2 to 8") }
    if !(damping >= 0 && damping < .infinity) {
      throw ValidationError("--damping is \(damping); it must be at least 0")
    }
  }

  mutating func run() throws {
    var options = SensitivityOptions(
      layers: try layerArguments.options(sampleOptions, heldOut: 0),
      scheme: QuantizationScheme(
        bits: bits, symmetric: layerArguments.isSymmetric, granularity: layerArguments.schemeGranularity),
      output: output)
    options.choosesGroupSize = layerArguments.choosesGroupSize
    (options.grid, options.damping, options.centersInputs, options.report) = (grid, damping, outputCorrection, report)
    MPIEnvironment.run { world in
      var options = options
      options.layers.threads = try ThreadShare.agreed(asked: sampleOptions.threads, world)
      var run = try SensitivityRun(options, world)
      show(
        try Banner.lines(version: Rankwise.version, threads: options.layers.threads, world) + run.description, on: world
      )
      let report = try run.run(world)
      show(report?.text ?? [], on: world)
    }
  }
}
