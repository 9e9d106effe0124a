import Graphs

/// Constants that take the place of the model's own: quantized weights and corrected biases.
///
/// A value type: whoever commits a layer changes its own copy, and every chunk is run with a copy that nobody
/// writes, so a run never sees a change half-made.
public struct Weights: Sendable {
  /// The tensors by the constant that they replace.
  public private(set) var replacements: [ValueID: Tensor]

  /// No replacement: the model as it was read.
  public init() { replacements = [:] }

  /// The tensor that replaces a constant; nil for the model's own.
  public subscript(_ constant: ValueID) -> Tensor? {
    get { replacements[constant] }
    set { replacements[constant] = newValue }
  }
}
