import Graphs

/// A layer's codes as the solve left them; a `QuantizedModelWriter` puts them into the form of its format.
public struct SolvedLayer: Sendable {
  /// Which weights share a scale.
  public enum Granularity: Sendable, Hashable {
    /// The whole matrix.
    case tensor
    /// Each row.
    case channel
    /// Each run of this many columns of a row; the last may be shorter.
    case group(Int)
  }

  /// What is known of the layer before its codes are.
  public struct Form: Sendable {
    /// The layer in the model's graph.
    public var layer: Layer
    /// The name of its node.
    public var node: String
    /// Bits of a code.
    public var bits: Int
    /// Whether every zero point is 2^(bits - 1).
    public var isSymmetric: Bool
    /// Which weights share a scale.
    public var granularity: Granularity

    /// Makes a form.
    public init(layer: Layer, node: String, bits: Int, isSymmetric: Bool, granularity: Granularity) {
      (self.layer, self.node, self.bits) = (layer, node, bits)
      (self.isSymmetric, self.granularity) = (isSymmetric, granularity)
    }

    /// Scales of a row.
    public var groupCount: Int {
      guard case .group(let size) = granularity else { return 1 }
      return (layer.columns + size - 1) / max(size, 1)
    }
  }

  /// Layer and scheme.
  public var form: Form
  /// rows x columns, row-major, 0 ..< 2^bits: w = (code - zero point) * scale.
  public var codes: [UInt8]
  /// rows x groups; with one scale for the whole matrix, the same in all rows.
  public var scales: [Float]
  /// As many as scales, in the range of the codes.
  public var zeroPoints: [UInt8]
  /// The new bias, one per row; nil if it stays.
  public var bias: [Float]?

  /// Makes a layer's values.
  public init(form: Form, codes: [UInt8], scales: [Float], zeroPoints: [UInt8], bias: [Float]? = nil) {
    (self.form, self.codes, self.scales, self.zeroPoints, self.bias) = (form, codes, scales, zeroPoints, bias)
  }
}
