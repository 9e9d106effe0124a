import Graphs

/// A graph for inputs of known shapes: the type of every value, and what could be computed without data.
public struct Plan: Sendable {
  /// The type of every value that is known: inputs, constants, and what nodes write.
  public internal(set) var types: [ValueID: TensorType] = [:]
  /// Values computed while planning, by nodes that read constants only.
  var folded: [ValueID: Tensor] = [:]
  /// Nodes whose outputs are in `folded`; a run skips them.
  var foldedNodes: Set<Int> = []
  /// The constants that went into folded values.
  var foldedFrom: Set<ValueID> = []
  /// The constants of the model.
  let constants: [ValueID: Tensor]
  /// Constants that a run may replace.
  let replaceable: Set<ValueID>

  init(constants: [ValueID: Tensor], replaceable: Set<ValueID>) {
    (self.constants, self.replaceable) = (constants, replaceable)
    for (value, tensor) in constants { types[value] = tensor.type }
  }

  /// The value's tensor if it does not depend on data: a constant of the model, or folded.
  public func constant(_ value: ValueID) -> Tensor? { folded[value] ?? constants[value] }

  /// Whether the node's outputs are constants, so that a run skips it.
  public func isFolded(_ node: Int) -> Bool { foldedNodes.contains(node) }
}
