/// How a convolution cuts its input into the columns of X: one column per output position.
public struct Unfolding: Hashable, Sendable {
  /// Kernel size of each spatial dimension (one or two).
  public var kernel: [Int]
  /// Stride of each spatial dimension.
  public var strides: [Int]
  /// Dilation of each spatial dimension.
  public var dilations: [Int]
  /// Padding before each spatial dimension, then after each: ONNX's `pads`. Unused unless `autoPad` is `NOTSET`.
  public var pads: [Int]
  /// ONNX's `auto_pad`: NOTSET, VALID, SAME_UPPER or SAME_LOWER.
  public var autoPad: String
  /// Number of groups of channels; each has a Hessian of its own.
  public var groups: Int

  /// Makes an unfolding; the lists have one entry per spatial dimension (`pads` two).
  public init(kernel: [Int], strides: [Int], dilations: [Int], pads: [Int], autoPad: String, groups: Int) {
    (self.kernel, self.strides, self.dilations) = (kernel, strides, dilations)
    (self.pads, self.autoPad, self.groups) = (pads, autoPad, groups)
  }
}

/// A weight that can be quantized: a matrix of `rows` output channels by `columns` inputs per output.
///
/// A convolution is unfolded: `columns` = input channels per group * kernel size. A grouped convolution is
/// `groups` matrices of `rows / groups` rows under each other, each with its own Hessian.
public struct Layer: Sendable {
  /// Where the matrix of a layer is found in its weight tensor.
  public enum Layout: Sendable {
    /// The tensor is rows x columns, row-major (Conv; Gemm with transB).
    case rowMajor
    /// The tensor is columns x rows (MatMul; Gemm without transB).
    case columnMajor
  }

  /// The name that patterns match and reports print: that of the weight.
  public var name: String
  /// Index of the node in `Graph.nodes`.
  public var node: Int
  /// The constant that holds the weight.
  public var weight: ValueID
  /// The value whose columns are the calibration inputs.
  public var input: ValueID
  /// Output channels, all groups together.
  public var rows: Int
  /// Inputs of one output channel.
  public var columns: Int
  /// How the input is cut into columns; nil for a matrix product, whose columns are the vectors along `inputAxis`.
  public var unfolding: Unfolding?
  /// How the weight tensor is stored.
  public var layout: Layout
  /// The axis of the weight tensor that counts output channels: the `axis` of a per-channel DequantizeLinear.
  public var channelAxis: Int

  /// Makes a layer.
  public init(
    name: String, node: Int, weight: ValueID, input: ValueID, rows: Int, columns: Int, unfolding: Unfolding?,
    layout: Layout, channelAxis: Int
  ) {
    (self.name, self.node, self.weight, self.input) = (name, node, weight, input)
    (self.rows, self.columns, self.unfolding) = (rows, columns, unfolding)
    (self.layout, self.channelAxis) = (layout, channelAxis)
  }

  /// Number of Hessians: 1, or the groups of a grouped convolution.
  public var groups: Int { unfolding?.groups ?? 1 }
}
