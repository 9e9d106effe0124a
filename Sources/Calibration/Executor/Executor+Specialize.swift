import Graphs

extension Executor {
  /// Finds the type of every value for inputs of these types, and computes what does not depend on data.
  ///
  /// A node that reads constants only is computed here, once; `Shape` of any value is a constant. `replaceable` names
  /// the constants that a run may replace: nothing is computed from them. Throws `ExecutionError.inputs` for the first
  /// node that does not fit, with its shapes. Linear in the number of nodes, and the cost of the folded ones.
  public func specialize(
    inputs: [ValueID: TensorType], replaceable: Set<ValueID> = []
  ) throws(ExecutionError) -> Plan {
    var plan = Plan(constants: graph.constants, replaceable: replaceable)
    for value in graph.inputs where graph.constants[value] == nil {
      guard let type = inputs[value] else {
        throw .missing(value: graph.values[value].name, reader: "the model")
      }
      try check(type, of: value)
      plan.types[value] = type
    }
    for index in graph.nodes.indices { try specialize(index, plan: &plan) }
    return plan
  }

  /// Throws if the type contradicts what the model states of an input.
  private func check(_ type: TensorType, of value: ValueID) throws(ExecutionError) {
    let stated = graph.values[value]
    let sameType = stated.elementType == nil || stated.elementType == type.elementType
    let sameShape =
      stated.shape.map { shape in
        shape.count == type.shape.count && zip(shape, type.shape).allSatisfy { $0 == nil || $0 == $1 }
      } ?? true
    if sameType && sameShape && type.shape.allSatisfy({ $0 >= 0 }) { return }
    let shape = stated.shape.map { "[" + $0.map { $0.map(String.init) ?? "?" }.joined(separator: ", ") + "]" }
    throw .mismatch(
      value: stated.name, given: "\(type)",
      expected: [stated.elementType?.rawValue, shape].compactMap(\.self).joined(separator: " "))
  }

  private func specialize(_ index: Int, plan: inout Plan) throws(ExecutionError) {
    let node = graph.nodes[index]
    var facts: [InputFacts?] = []
    for value in node.inputs {
      guard let value else {
        facts.append(nil)
        continue
      }
      guard let type = plan.types[value] else {
        throw .missing(value: graph.values[value].name, reader: node.name)
      }
      let constant = plan.replaceable.contains(value) ? nil : plan.constant(value)
      facts.append(InputFacts(elementType: type.elementType, shape: type.shape, constant: constant))
    }
    let types = facts.map { facts in facts.map { TensorType($0.elementType, $0.shape) } }
    do throws(OperatorError) {
      let outputs = try kernels[index].infer(facts)
      for (value, type) in zip(node.outputs, outputs) {
        try Self.checkSize(type)
        if let value { plan.types[value] = type }
      }
      if let share = openShare(of: node, plan) {
        for case let value? in node.outputs { plan.openShares[value] = share }
      }
      // Asking for a shape that is known needs no data.
      if node.kind == .shape, let shape = types.first ?? nil {
        try fold(index, [Tensor(Self.shape(shape.shape, of: node), shape: outputs[0].shape)], &plan)
      } else if facts.allSatisfy({ $0 == nil || $0!.constant != nil }) {
        try fold(index, try kernels[index].run(facts.map { $0?.constant }), &plan)
        for case let value? in node.inputs { plan.foldedFrom.insert(value) }
      }
    } catch {
      throw Self.failure(of: node, types, error)
    }
  }

  /// What share of the tokens a node's outputs have if they have those of one expert; nil if they have all.
  private func openShare(of node: Node, _ plan: Plan) -> Double? {
    switch node.kind {
    case .expertTokens:
      let experts = node.inputs[1].flatMap { plan.types[$0]?.shape[1] } ?? 1
      return min(1, Double(node.int("k", default: 1)) / Double(max(experts, 1)))
    case .expertSum: return nil
    default: return node.inputs.lazy.compactMap { $0.flatMap { plan.openShares[$0] } }.first
    }
  }

  /// Makes the outputs of a node constants.
  private func fold(_ index: Int, _ outputs: [Tensor], _ plan: inout Plan) throws(OperatorError) {
    for (value, tensor) in zip(graph.nodes[index].outputs, outputs) {
      guard let value else { continue }
      precondition(
        plan.types[value] == tensor.type,
        "\(graph.nodes[index].name) wrote \(tensor.type), its shape rule says \(plan.types[value], default: "nothing")")
      plan.folded[value] = tensor
    }
    plan.foldedNodes.insert(index)
  }

  /// The part of a shape that a Shape node asks for by its attributes `start` and `end`.
  private static func shape(_ shape: [Int], of node: Node) -> [Int64] {
    func bound(_ position: Int) -> Int {
      min(max(position < 0 ? position + shape.count : position, 0), shape.count)
    }
    let start = bound(node.int("start", default: 0))
    let end = bound(node.int("end", default: shape.count))
    return start < end ? shape[start..<end].map(Int64.init) : []
  }

  /// Throws if a tensor of this type cannot exist.
  private static func checkSize(_ type: TensorType) throws(OperatorError) {
    var bytes = type.elementType.byteCount
    for dimension in type.shape {
      guard dimension >= 0 else { throw .invalid("a result of shape \(type.shape)") }
      let (product, overflow) = bytes.multipliedReportingOverflow(by: max(dimension, 1))
      guard !overflow, product <= 1 << 46 else { throw .invalid("a result of shape \(type.shape) is too large") }
      bytes = product
    }
  }
}
