import Quantization

/// Everything that a user decides about a comparison.
public struct CompareOptions: Sendable {
  /// The layers and the samples.
  public var layers: LayerOptions
  /// What is compared, in the order in which it is printed; bits are part of a variant.
  public var variants: [CompareVariant]
  /// Symmetry and granularity of all variants; the bits are those of the variant.
  public var symmetric = false
  /// What shares a scale.
  public var granularity: QuantizationScheme.Granularity = .channel
  /// Whether the size of groups is the largest of 128, 64 and 32 that divides the columns of every layer.
  public var choosesGroupSize = false
  /// The type to which scales are rounded.
  private(set) var scaleType = ScaleType.float32
  /// Whether the held-out samples run through the model with all layers replaced.
  public var measuresOutputs = true
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?
  /// Where the losses of each layer are written as a table; nil for nowhere.
  public var csv: String?

  /// Options with every default but the layers and the variants.
  public init(layers: LayerOptions, variants: [CompareVariant]) { (self.layers, self.variants) = (layers, variants) }

  /// The options with what only the layers decide. Throws if no size of groups divides all layers.
  func resolved(for source: any LayerSource) throws(CoordinationError) -> CompareOptions {
    var options = self
    if choosesGroupSize { options.granularity = .group(size: try source.layers.largestGroupSize()) }
    options.scaleType = source.scaleType
    return options
  }

  /// The scheme of a variant.
  func scheme(_ variant: CompareVariant) -> QuantizationScheme {
    QuantizationScheme(bits: variant.bits, symmetric: symmetric, granularity: granularity, scaleType: scaleType)
  }
}
