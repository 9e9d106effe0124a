/// What is known of a quantized linear module before its codes are.
public struct ModuleForm: Sendable, Hashable {
  /// The module's name in the model: its weight is the tensor with `.weight` behind.
  public var name: String
  /// Output channels.
  public var rows: Int
  /// Inputs of an output channel.
  public var columns: Int
  /// Bits of a code, 2 to 8.
  public var bits: Int
  /// Whether every zero point is 2^(bits - 1), so that compressed-tensors stores none.
  public var isSymmetric: Bool
  /// Columns that share a scale; nil if all of a row do.
  public var groupSize: Int?
  /// Whether the source has the weight as inputs x outputs (GPT-2's `Conv1D`).
  public var isTransposed = false

  /// Makes a form; it is checked when a `CheckpointWriter` gets it.
  public init(name: String, rows: Int, columns: Int, bits: Int, isSymmetric: Bool, groupSize: Int?) {
    (self.name, self.rows, self.columns, self.bits) = (name, rows, columns, bits)
    (self.isSymmetric, self.groupSize) = (isSymmetric, groupSize)
  }

  /// Scales of a row.
  public var groupCount: Int { groupSize.map { columns / max($0, 1) } ?? 1 }

  /// Modules whose scheme is written once.
  struct Scheme: Hashable {
    var bits: Int
    var isSymmetric: Bool
    var groupSize: Int?
  }

  /// How the module's weights become integers.
  var scheme: Scheme { Scheme(bits: bits, isSymmetric: isSymmetric, groupSize: groupSize) }
}
