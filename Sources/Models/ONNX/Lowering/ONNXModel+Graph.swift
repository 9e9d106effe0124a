import Graphs

extension ONNXModel {
  /// The model as a graph of operator set 21: what runs, what has layers.
  ///
  /// Node names are those of this model (nodes that an upgrade adds have new ones), value names are the file's.
  /// Nodes that no output depends on are left out. Weights stored as integers with a DequantizeLinear become
  /// floating-point constants under the name that DequantizeLinear gives them (see `quantizedWeights()`).
  /// Throws `missingOperators` with all operators that are not known, or another `ModelError` for the first fault.
  public func graph() throws(ModelError) -> Graph {
    let live = try liveNodes()
    try checkOperators(live)
    var model = self
    model.graphProto.node = live.map { graphProto.node[$0] }
    if opset < 21 { try model.upgrade(toOpset: 21) }
    var lowering = Lowering(model: model)
    return try lowering.run()
  }

  /// The nodes that an output depends on, in an order in which each comes after those that it reads from: the file's
  /// order if that is one.
  func liveNodes() throws(ModelError) -> [Int] {
    let nodes = graphProto.node
    var producers: [String: Int] = [:]
    for (index, node) in nodes.enumerated() {
      for output in node.output where !output.isEmpty {
        if let other = producers.updateValue(index, forKey: output) {
          throw .malformed(
            path: path, reason: "value \(output) is written by node \(nodes[other].name) and by node \(node.name)")
        }
      }
    }
    var sources = Set(graphProto.initializer.map(\.name))
    sources.formUnion(graphProto.input.map(\.name))

    // Depth first from the outputs: a node is finished when all that it reads from are.
    enum State { case unseen, open, done }
    var states = [State](repeating: .unseen, count: nodes.count)
    var stack: [(node: Int, nextInput: Int)] = []
    var finished: [Int] = []
    var inOrder = true
    for output in graphProto.output {
      guard let producer = producers[output.name] else {
        guard sources.contains(output.name) else {
          throw .malformed(path: path, reason: "nothing writes the output \(output.name)")
        }
        continue
      }
      if states[producer] == .unseen {
        states[producer] = .open
        stack.append((producer, 0))
      }
      while let (index, nextInput) = stack.last {
        guard nextInput < nodes[index].input.count else {
          states[index] = .done
          finished.append(index)
          stack.removeLast()
          continue
        }
        stack[stack.count - 1].nextInput += 1
        let input = nodes[index].input[nextInput]
        guard !input.isEmpty else { continue }
        guard let source = producers[input] else {
          guard sources.contains(input) else {
            throw .malformed(path: path, reason: "node \(nodes[index].name) reads \(input), which nothing writes")
          }
          continue
        }
        if source >= index { inOrder = false }
        switch states[source] {
        case .done: break
        case .open:
          throw .malformed(path: path, reason: "node \(nodes[source].name) depends on its own output")
        case .unseen:
          states[source] = .open
          stack.append((source, 0))
        }
      }
    }
    return inOrder ? finished.sorted() : finished
  }

  /// Throws `missingOperators` with every operator of the nodes `live` that the graph does not have.
  private func checkOperators(_ live: [Int]) throws(ModelError) {
    var missing: [MissingOperator] = []
    for index in live {
      let node = graphProto.node[index]
      let isStandard = Self.isStandard(domain: node.domain)
      let kind = OperatorKind(rawValue: node.opType)
      if isStandard, node.opType == "Upsample" || kind?.isStandard ?? false { continue }
      let type = isStandard ? node.opType : "\(node.domain).\(node.opType)"
      if let known = missing.firstIndex(where: { $0.type == type }) {
        missing[known].count += 1
      } else {
        missing.append(MissingOperator(type: type, node: node.name, count: 1))
      }
    }
    if !missing.isEmpty { throw .missingOperators(path: path, operators: missing) }
  }
}
