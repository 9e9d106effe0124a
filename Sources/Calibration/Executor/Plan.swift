import Graphs

/// A graph for inputs of known shapes: the type of every value, and what could be computed without data.
public struct Plan: Sendable {
  /// The type of every value that is known: inputs, constants, and what nodes write.
  public internal(set) var types: [ValueID: TensorType] = [:]
  /// The values whose number of rows depends on data (an expert's tokens), and the share of the rows in `types`, which are
  /// the most there can be, that is expected of them.
  var openShares: [ValueID: Double] = [:]
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

  /// Whether a tensor of this type may be the value's.
  func admits(_ type: TensorType, for value: ValueID) -> Bool {
    guard let planned = types[value], planned != type else { return true }
    return openShares[value] != nil && type.elementType == planned.elementType
      && type.shape.dropFirst() == planned.shape.dropFirst() && (type.shape.first ?? 0) <= (planned.shape.first ?? 0)
  }

  /// How many bytes the value is expected to take; 0 if its type is not known.
  func expectedByteCount(_ value: ValueID) -> Int {
    guard let type = types[value] else { return 0 }
    return openShares[value].map { Int(Double(type.byteCount) * $0) } ?? type.byteCount
  }

  /// How many rows a matrix is expected to have; nil if its type is not known.
  public func expectedRowCount(_ value: ValueID) -> Int? {
    guard let rows = types[value]?.shape.first else { return nil }
    return openShares[value].map { Int((Double(rows) * $0).rounded(.up)) } ?? rows
  }

  /// Whether the node's outputs are constants, so that a run skips it.
  public func isFolded(_ node: Int) -> Bool { foldedNodes.contains(node) }
}
