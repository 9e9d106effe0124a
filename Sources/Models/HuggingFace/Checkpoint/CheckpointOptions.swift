/// How a quantized checkpoint is written.
public struct CheckpointOptions: Sendable {
  /// How codes are stored.
  public var format = CheckpointFormat.compressedTensors
  /// A file of weights is closed before it exceeds this many bytes of tensors; a larger tensor has a file of its own.
  public var shardLimit = 5_000_000_000
  /// The program that chose the codes, for GPTQ's `meta`: name:version.
  public var quantizer = "rankwise"
  /// The damping that the solve started with, for GPTQ's `damp_percent`.
  public var damping = 0.01

  /// The usual options.
  public init() {}
}
