internal import Foundation

/// Rewrites the nodes of a graph for a newer operator set, keeping their meaning.
///
/// Every node passes the versions of its operator one after the other; `changes` has those that changed the form.
/// All other versions of the operators listed in `known` up to 25 only add element types, or attributes whose default
/// is the old behaviour. This was not compared schema by schema; onnxruntime confirmed it only for the models tried.
struct OpsetUpgrade {
  /// The graph; its nodes are replaced when all are rewritten.
  var graph: ONNXGraphProto
  /// The operator set that the graph is in.
  let from: Int
  /// The operator set that it is rewritten for.
  let to: Int
  /// Reads constants.
  let reader: TensorReader
  /// Names of all values and initializers: new ones must differ.
  var valueNames: Set<String>
  /// Names of all nodes.
  var nodeNames: Set<String>
  /// Nodes to be put before the one that is being rewritten.
  var before: [ONNXNodeProto] = []
  /// Nodes to be put behind the one that is being rewritten.
  var after: [ONNXNodeProto] = []
  /// What is known of values without running the graph.
  let facts: ValueFacts

  /// Prepares the upgrade of `graph`.
  init(_ graph: ONNXGraphProto, from: Int, to: Int, reader: TensorReader) {
    (self.graph, self.from, self.to, self.reader) = (graph, from, to, reader)
    valueNames = graph.allValueNames
    nodeNames = Set(graph.node.map(\.name))
    facts = ValueFacts(graph)
  }

  /// Rewrites every node; throws `cannotUpgrade` at the first that has no equivalent.
  mutating func run() throws(ModelError) {
    var nodes: [ONNXNodeProto] = []
    nodes.reserveCapacity(graph.node.count)
    for var node in graph.node {
      if ONNXModel.isStandard(domain: node.domain) {
        guard Self.known.contains(node.opType) else {
          throw refusal(node, "what changed in this operator between the two is not known here")
        }
        for change in Self.changes[node.opType] ?? [] where change.version > from && change.version <= to {
          try change.apply(&self, &node)
        }
      }
      nodes += before
      nodes.append(node)
      nodes += after
      before.removeAll(keepingCapacity: true)
      after.removeAll(keepingCapacity: true)
    }
    graph.node = nodes
  }

  /// The error for a node without an equivalent.
  func refusal(_ node: ONNXNodeProto, _ reason: String) -> ModelError {
    .cannotUpgrade(node: node.name, type: node.opType, from: from, to: to, reason: reason)
  }

  /// Adds an initializer and returns its name, made from `node` and `role`.
  mutating func addConstant<Element: BitwiseCopyable>(
    _ elements: [Element], _ type: ONNXDataType, shape: [Int], for node: ONNXNodeProto, role: String
  ) -> String {
    let name = ONNXModel.unique("\(node.name)_\(role)", in: &valueNames)
    graph.initializer.append(ONNXTensorProto(name: name, type: type, shape: shape, elements: elements))
    return name
  }

  /// Adds a list of int64 and returns its name.
  mutating func addIntegers(_ values: [Int64], for node: ONNXNodeProto, role: String) -> String {
    addConstant(values, .int64, shape: [values.count], for: node, role: role)
  }

  /// Adds a scalar of the type of the value `name` (or of the model's weights if that is unknown).
  mutating func addScalar(_ value: Float, like name: String, for node: ONNXNodeProto, role: String) -> String {
    switch facts.floatType(of: name) {
    case .float16: addConstant([Float16(value)], .float16, shape: [], for: node, role: role)
    case .float64: addConstant([Double(value)], .float64, shape: [], for: node, role: role)
    case .bfloat16:
      addConstant([UInt16(value.bitPattern >> 16)], .bfloat16, shape: [], for: node, role: role)
    default: addConstant([value], .float32, shape: [], for: node, role: role)
    }
  }

  /// Whether anything reads the value `name`.
  func isRead(_ name: String) -> Bool {
    !name.isEmpty
      && (graph.output.contains { $0.name == name } || graph.node.contains { $0.input.contains(name) })
  }
}

extension ONNXGraphProto {
  /// Every name that a value of the graph has.
  var allValueNames: Set<String> {
    var names = Set(initializer.map(\.name))
    names.formUnion(input.map(\.name))
    names.formUnion(output.map(\.name))
    names.formUnion(valueInfo.map(\.name))
    for node in node {
      names.formUnion(node.input)
      names.formUnion(node.output)
    }
    return names
  }
}
