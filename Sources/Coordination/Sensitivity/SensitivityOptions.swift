import Quantization

/// Everything that a user decides about a sensitivity map.
public struct SensitivityOptions: Sendable {
  /// The layers and the samples.
  public var layers: LayerOptions
  /// Bits, symmetry and granularity of the grid that weights are rounded to.
  public var scheme: QuantizationScheme
  /// Whether the size of groups is the largest of 128, 64 and 32 that divides the columns of every layer, whatever `scheme`
  /// says.
  public var choosesGroupSize = false
  /// How the grid is chosen.
  public var grid: GridSearch = .minmax
  /// Damping to start with.
  public var damping = 0.01
  /// Whether Hessians are taken about the mean where a bias may change, as in a quantization.
  public var centersInputs = true
  /// A folder for pictures and an `index.html`, or a `.png` file for all layers on one sheet.
  public var output: String
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?

  /// Options with every default but layers, scheme and output.
  public init(layers: LayerOptions, scheme: QuantizationScheme, output: String) {
    (self.layers, self.scheme, self.output) = (layers, scheme, output)
  }

  /// The options with what only the layers decide. Throws if no size of groups divides all layers.
  func resolved(for source: any LayerSource) throws(CoordinationError) -> SensitivityOptions {
    var options = self
    options.scheme = QuantizationScheme(
      bits: scheme.bits, symmetric: scheme.symmetric,
      granularity: choosesGroupSize ? .group(size: try source.layers.largestGroupSize()) : scheme.granularity,
      scaleType: source.scaleType)
    return options
  }

  /// Whether the output is one sheet.
  var isSheet: Bool { output.lowercased().hasSuffix(".png") }
}
