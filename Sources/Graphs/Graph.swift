/// Identifies a value (an input, a constant, or what a node writes) within one graph: an index of `Graph.values`.
public typealias ValueID = Int

/// What is known of a value from the model alone.
public struct Value: Sendable {
  /// Its name in the model; unique within the graph.
  public var name: String
  /// Its element type if the model states it.
  public var elementType: ElementType?
  /// Its shape if the model states it; nil for a dimension that is open (the batch, usually).
  public var shape: [Int?]?

  /// Makes a value.
  public init(name: String, elementType: ElementType? = nil, shape: [Int?]? = nil) {
    (self.name, self.elementType, self.shape) = (name, elementType, shape)
  }
}

/// A model as a list of operators: what every front door lowers to, and all that stages and execution see.
///
/// `nodes` are in an order in which each runs after those that it reads from.
public struct Graph: Sendable {
  /// The model's name, for people.
  public var name: String
  /// All values; a `ValueID` is an index of this array.
  public var values: [Value]
  /// The values that a caller must give, in the model's order.
  public var inputs: [ValueID]
  /// The values that the model returns, in the model's order.
  public var outputs: [ValueID]
  /// The operators in execution order.
  public var nodes: [Node]
  /// The values that are known from the file: weights and other constants.
  public var constants: [ValueID: Tensor]
  /// Weights that the front door wants to stay as they are, each with the reason: an output head, say.
  public var keeps: [ValueID: String] = [:]

  /// Makes a graph; `nodes` must be in execution order.
  public init(
    name: String, values: [Value], inputs: [ValueID], outputs: [ValueID], nodes: [Node], constants: [ValueID: Tensor]
  ) {
    (self.name, self.values, self.inputs, self.outputs) = (name, values, inputs, outputs)
    (self.nodes, self.constants) = (nodes, constants)
  }

  /// For each value, the index of the node that writes it; inputs and constants are absent.
  public func producers() -> [ValueID: Int] {
    var producers: [ValueID: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for case let output? in node.outputs { producers[output] = index }
    }
    return producers
  }
}

extension Graph {
  /// The nodes that the given values depend on. Complexity: O(nodes + edges).
  public func ancestors(of values: Set<ValueID>) -> Set<Int> {
    var wanted = values
    var needed: Set<Int> = []
    for (index, node) in nodes.enumerated().reversed()
    where node.outputs.contains(where: { $0.map(wanted.contains) ?? false }) {
      needed.insert(index)
      for case let input? in node.inputs { wanted.insert(input) }
    }
    return needed
  }
}
