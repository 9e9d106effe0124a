import Graphs

/// Builds a graph node by node; every value has a name of its own.
struct GraphBuilder {
  private var graph: Graph
  private var names = Set<String>()

  /// An empty graph called `name`.
  init(name: String) { graph = Graph(name: name, values: [], inputs: [], outputs: [], nodes: [], constants: [:]) }

  private mutating func value(_ name: String, _ type: ElementType, _ shape: [Int?]?) -> ValueID {
    graph.values.append(Value(name: ONNXModel.unique(name, in: &names), elementType: type, shape: shape))
    return graph.values.count - 1
  }

  /// Adds an input.
  mutating func input(_ name: String, _ type: ElementType, _ shape: [Int?]) -> ValueID {
    let id = value(name, type, shape)
    graph.inputs.append(id)
    return id
  }

  /// Adds a constant.
  mutating func constant(_ name: String, _ tensor: Tensor) -> ValueID {
    let id = value(name, tensor.elementType, tensor.shape)
    graph.constants[id] = tensor
    return id
  }

  /// Adds a node with one output, whose value has the node's name with `.output` behind it unless `output` names it.
  mutating func node(
    _ kind: OperatorKind, _ name: String, _ inputs: [ValueID?], _ attributes: [String: Attribute] = [:],
    type: ElementType = .float32, shape: [Int?]? = nil, output: String? = nil
  ) -> ValueID {
    let result = value(output ?? name + ".output", type, shape)
    graph.nodes.append(Node(name: name, kind: kind, inputs: inputs, outputs: [result], attributes: attributes))
    return result
  }

  /// Adds a Split of the last axis into float32 parts of the lengths `sizes`.
  mutating func split(_ name: String, _ input: ValueID, sizes: [Int]) -> [ValueID] {
    let lengths = constant(name + ".sizes", Tensor(sizes.map(Int64.init), shape: [sizes.count]))
    let outputs = sizes.indices.map { value("\(name).output.\($0)", .float32, nil) }
    graph.nodes.append(
      Node(name: name, kind: .split, inputs: [input, lengths], outputs: outputs, attributes: ["axis": .int(-1)]))
    return outputs
  }

  /// Adds an ExpertWeights: the weights of the `count` experts that each token chooses, and which they are.
  mutating func expertWeights(
    _ name: String, _ shares: ValueID, count: Int, normalizes: Bool
  ) -> (weights: ValueID, chosen: ValueID) {
    let (weights, chosen) = (value(name + ".output", .float32, nil), value(name + ".chosen", .bool, nil))
    graph.nodes.append(
      Node(
        name: name, kind: .expertWeights, inputs: [shares], outputs: [weights, chosen],
        attributes: ["k": .int(count), "normalize": .int(normalizes ? 1 : 0)]))
    return (weights, chosen)
  }

  /// The element type of a value; all values that are made here have one.
  func type(of value: ValueID) -> ElementType { graph.values[value].elementType! }

  /// The name of a value.
  func name(of value: ValueID) -> String { graph.values[value].name }

  /// Says that the weight `constant` is to stay as it is.
  mutating func keep(_ constant: ValueID, reason: String) { graph.keeps[constant] = reason }

  /// The graph with its outputs.
  func finished(outputs: [ValueID]) -> Graph {
    var result = graph
    result.outputs = outputs
    return result
  }
}
