import Graphs

/// The tensors that a run has at hand: what the caller gave, and what nodes have written.
///
/// A value type; copying it shares the tensors. One table belongs to one chunk of samples on one thread.
public struct ValueTable: Sendable {
  /// The tensors by the value they hold.
  public private(set) var tensors: [ValueID: Tensor]

  /// Makes a table of given values.
  public init(_ tensors: [ValueID: Tensor] = [:]) { self.tensors = tensors }

  /// The tensor of a value; nil if the table does not have it. Setting nil drops it.
  public subscript(_ value: ValueID) -> Tensor? {
    get { tensors[value] }
    set { tensors[value] = newValue }
  }

  /// Bytes of all tensors; memory that tensors share is counted once.
  public var byteCount: Int {
    var seen = Set<ObjectIdentifier>()
    return tensors.values.reduce(0) {
      seen.insert(ObjectIdentifier($1.storage)).inserted ? $0 + $1.storage.byteCount : $0
    }
  }
}
