import ArgumentParser
import Coordination
import MPI

/// `rankwise compare`.
struct Compare: ParsableCommand {
  static let configuration = CommandConfiguration(
    abstract: "Puts ways to quantize beside each other: losses of every layer on held-out samples, times, outputs.",
    discussion: """
      Layers see the activations of the float model. Without --variant all combinations of the lists are compared. \
      Losses are relative to GPTQ by its reference formulas: compensation in natural order on min-max grids, damping \
      0.01, uncentered Hessians, biases kept. Unless --no-output-correction, variants that compensate errors correct \
      biases; then GPTQ with corrected biases is the second baseline. Numbers do not depend on ranks, times do.
      """)

  @OptionGroup var layerArguments: LayerArguments

  @Option(help: "Share of the samples, from the last, that layers are measured on and not calibrated on.")
  var heldOut = 0.25

  @Option(help: "Bits, comma-separated.")
  var bits = "4"

  @Option(help: "Methods, comma-separated.")
  var methods = "compensate,round"

  @Option(help: "Orders of columns, comma-separated.")
  var orders = "natural,curvature,pivot,sensitivity"

  @Option(help: "Grids, comma-separated.")
  var grids = "minmax,l24,curvature"

  @Option(help: "Efforts of compensation, comma-separated.")
  var efforts = "fast"

  @Option(help: "Dampings, comma-separated.")
  var dampings = "0.01"

  @Option(
    name: .long, parsing: .singleValue,
    help: ArgumentHelp(
      """
      Instead of combinations: one variant, such as 'bits=3,method=compensate,order=pivot,grid=l24,effort=balanced,damping=0.02,bias=kept'; \
      what is left out is that of GPTQ, bits are those of --bits. May be repeated.
      """, valueName: "key=value,..."))
  var variant: [String] = []

  @Flag(
    inversion: .prefixedNo, exclusivity: .chooseLast,
    help:
      "Let biases take up the mean error on the calibration samples, as a quantization does; or compare solvers alone.")
  var outputCorrection = true

  @Flag(
    inversion: .prefixedNo, exclusivity: .chooseLast,
    help: "Run the held-out samples through the model with all layers replaced.")
  var outputs = true

  @Option(help: "Write the results, with every layer, as JSON to this file.")
  var report: String?

  @Option(help: "Write the losses of every layer as comma-separated values to this file.")
  var csv: String?

  @OptionGroup var sampleOptions: SampleOptions

  func validate() throws {
    if !(heldOut > 0 && heldOut < 1) { throw ValidationError("--held-out is \(heldOut); it must be between 0 and 1") }
    _ = try variants()
  }

  mutating func run() throws {
    var options = CompareOptions(
      layers: try layerArguments.options(sampleOptions, heldOut: heldOut), variants: try variants())
    (options.symmetric, options.granularity) = (layerArguments.isSymmetric, layerArguments.schemeGranularity)
    options.choosesGroupSize = layerArguments.choosesGroupSize
    (options.measuresOutputs, options.report, options.csv) = (outputs, report, csv)
    MPIEnvironment.run { world in
      var options = options
      options.layers.threads = try ThreadShare.agreed(asked: sampleOptions.threads, world)
      var run = try CompareRun(options, world)
      show(
        try Banner.lines(version: Rankwise.version, threads: options.layers.threads, world) + run.description, on: world
      )
      show(try run.run(world).text, on: world)
    }
  }

  /// Whether biases may change: those of a language model stay.
  private var correctsBiases: Bool { outputCorrection && !layerArguments.isLanguageModel }

  /// The variants that the options name.
  private func variants() throws -> [CompareVariant] {
    do throws(CoordinationError) {
      var variants = try CompareVariant.product([CompareVariant()], "bits", bits)
      guard variant.isEmpty else {
        var given: [CompareVariant] = []
        for text in variant {
          for var one in variants {
            // What plain rounding does with biases in `rankwise quantize`: it leaves them.
            one.correctsBias = correctsBiases
            try one.apply(text)
            if one.method == .round, !text.contains("bias=") { one.correctsBias = false }
            if one.correctsBias, layerArguments.isLanguageModel {
              throw CoordinationError.variant(text: text, reason: "biases of language models stay as they are")
            }
            if !given.contains(one) { given.append(one) }
          }
        }
        return given
      }
      for (key, list) in [
        ("method", methods), ("grid", grids), ("order", orders), ("effort", efforts), ("damping", dampings),
      ] {
        variants = try CompareVariant.product(variants, key, list)
      }
      return variants.map { variant in
        var variant = variant
        variant.correctsBias = correctsBiases && variant.method != .round
        return variant
      }
    } catch { throw ValidationError(error.description) }
  }
}
