import Calibration
import Graphs

/// What operators and sums over a chunk cost on one thread of a machine, for a model's shapes.
struct OperatorCosts {
  let run: QuantizationRun
  let machine: Machine
  /// The shapes of a full chunk.
  let shapes: ChunkShapes
  /// Those of one batch of the model.
  var plan: Plan { shapes.plan }
  /// Batches of a full chunk.
  var batches: Int { shapes.batches }

  /// Infers the shapes of a full chunk.
  init(_ run: QuantizationRun, _ machine: Machine) throws {
    (self.run, self.machine) = (run, machine)
    shapes = try ChunkShapes(run)
  }

  /// The type of a value, with the rows that are expected of an expert's.
  func type(_ value: ValueID) -> TensorType? { shapes.type(value) }

  /// The bytes of a value of a chunk; 0 for what does not depend on samples.
  func byteCount(_ value: ValueID) -> Int { shapes.byteCount(value) }

  /// Seconds of a chunk in the node.
  func seconds(_ node: Int) -> Double {
    if plan.isFolded(node) { return 0 }
    return measured(signature(node), or: Double(batches) * estimate(node))
  }

  /// Seconds of a chunk in what was measured of `key`; `estimate` if nothing was.
  private func measured(_ key: String, or estimate: @autoclosure () -> Double) -> Double {
    machine.operators[key].map { Double(batches) * $0 } ?? estimate()
  }

  /// How many times as fast as one thread `members` threads run a chunk through the network, each operator in its pieces.
  func speedup(members: Double) -> Double {
    let nodes = run.executionOrder
    let together = nodes.reduce(0) { $0 + seconds($1) / max(1, min(members, Double(pieceCount($1)))) }
    return together > 0 ? seconds(nodes) / together : 1
  }

  /// The pieces that threads may take of a node's work on one batch.
  private func pieceCount(_ index: Int) -> Int {
    run.executor.pieceCount(
      of: index, inputs: run.graph.nodes[index].inputs.map { input in input.flatMap { type($0) } })
  }

  /// Seconds of a chunk in all of `nodes`.
  func seconds(_ nodes: [Int]) -> Double { nodes.reduce(0) { $0 + seconds($1) } }

  /// What makes two nodes cost the same.
  func signature(_ index: Int) -> String {
    let node = run.graph.nodes[index]
    let attributes = node.attributes.sorted { $0.key < $1.key }.map { name, value in
      if case .tensor = value { return name }
      return "\(name)=\(value)"
    }
    let types = node.inputs.map { input in input.flatMap { type($0) }.map { "\($0.elementType) \($0.shape)" } ?? "-" }
    return ([node.kind.rawValue] + attributes + types).joined(separator: " ")
  }

  /// What makes two groups cost the same.
  func signature(_ group: InputGroup) -> String {
    let type = type(group.input)
    let unfolding = group.unfolding.map { " \($0.kernel) \($0.strides) \($0.dilations) \($0.pads) \($0.groups)" } ?? ""
    return "\(group.columns) of \(type.map { "\($0.elementType) \($0.shape)" } ?? "-")\(unfolding)"
  }

  /// What makes the outputs of two layers cost the same to look at.
  func outputSignature(_ layer: Layer) -> String {
    let output = run.graph.nodes[layer.node].outputs[0].flatMap { type($0) }
    let text = output.map { "\($0.elementType) \($0.shape)" } ?? "-"
    return "\(layer.rows) \(layer.unfolding == nil ? "last" : "first") of \(text)"
  }

  /// Columns of X of a chunk that the group has.
  func vectors(_ group: InputGroup) -> Double {
    Double(run.geometry.positions[group.layers[0]]) * Double(run.chunkPartition.chunkSize)
  }

  /// Floating-point operations of a product, a convolution or attention on one batch; 0 for others.
  func operations(_ index: Int) -> Double {
    let node = run.graph.nodes[index]
    guard let output = node.outputs[0].flatMap({ type($0) }), let input = node.inputs[0].flatMap({ type($0) })
    else { return 0 }
    let count = Double(output.count)
    switch node.kind {
    case .gemm:
      return 2 * count * Double(input.shape[node.int("transA", default: 0) != 0 ? 0 : 1])
    case .matMul: return 2 * count * Double(input.shape.last ?? 1)
    case .conv, .convTranspose:
      guard let weight = node.inputs[1].flatMap({ type($0) }) else { return 0 }
      return 2 * count * Double(weight.count) / Double(max(weight.shape[0], 1))
    case .attention:
      let keys = Double(node.inputs[1].flatMap { type($0) }?.shape.dropLast().last ?? 1)
      // Of causal attention half the products are not needed.
      return 4 * count * keys * (node.int("is_causal", default: 0) != 0 ? 0.5 : 1)
    default: return 0
    }
  }

  /// Seconds of one batch from the machine's rates.
  private func estimate(_ index: Int) -> Double {
    let node = run.graph.nodes[index]
    switch node.kind {
    case .reshape, .flatten, .squeeze, .unsqueeze, .identity, .shape, .constant, .dropout: return 0
    default: break
    }
    let operations = operations(index)
    if operations > 0, let input = node.inputs[0].flatMap({ type($0) }) {
      if node.kind == .attention { return operations / machine.rate(.attention, columns: 1024) }
      let weight = node.inputs[1].flatMap { type($0) }
      let columns = Int(Double(weight?.shape.reduce(1, *) ?? 1).squareRoot())
      let isNarrow = input.elementType == .bfloat16
      let conversion = isNarrow && weight?.elementType != .bfloat16 ? Double(weight?.byteCount ?? 0) * 2 : 0
      return operations / machine.rate(isNarrow ? .productBFloat16 : .product, columns: columns)
        + conversion / machine.rate(.elements, columns: 1024)
    }
    let values = node.inputs.compactMap { $0 } + node.outputs.compactMap { $0 }
    let bytes = values.reduce(0.0) { sum, value in
      // Gather reads as many rows of a table as it writes.
      sum + (plan.constant(value) == nil ? Double(type(value)?.byteCount ?? 0) : 0)
    }
    return bytes / machine.rate(.elements, columns: 1024)
  }

  /// Seconds of a chunk in the sums of a group: X Xᵀ, and where inputs drift (X - X̃) X̃ᵀ.
  func sums(_ group: InputGroup, hasDrift: Bool) -> Double {
    let key = signature(group)
    let isNarrow = type(group.input)?.elementType == .bfloat16
    let (columns, vectors, hessians) = (Double(group.columns), vectors(group), Double(group.groups))
    let square = columns * columns * hessians
    let hessian = measured(
      "sums \(key)",
      or: square * vectors / machine.rate(isNarrow ? .hessianBFloat16 : .hessian, columns: group.columns)
        + square * Double(batches) / machine.rate(.hessianSum, columns: group.columns))
    guard hasDrift else { return hessian }
    let cross = measured(
      "cross \(key)",
      or: 2 * square * vectors / machine.rate(isNarrow ? .crossBFloat16 : .cross, columns: group.columns)
        + square * Double(batches) / machine.rate(.crossSum, columns: group.columns))
    return hessian + cross
  }

  /// Seconds of a chunk in the bounds of a group's inputs, and where these drift of their differences.
  func bounds(_ group: InputGroup, hasDrift: Bool) -> Double {
    let key = signature(group)
    let own = measured("bounds \(key)", or: pass(group.input, .bounds))
    return hasDrift ? own + measured("drift \(key)", or: 2 * pass(group.input, .bounds)) : own
  }

  /// Seconds of a chunk in the sums of a layer's outputs by channel.
  func channels(_ layer: Layer) -> Double {
    measured("channels \(outputSignature(layer))", or: pass(run.graph.nodes[layer.node].outputs[0], .channels))
  }

  /// Seconds of a chunk in comparing a layer's outputs in two networks.
  func comparison(_ layer: Layer) -> Double {
    measured("comparison \(outputSignature(layer))", or: pass(run.graph.nodes[layer.node].outputs[0], .comparison))
  }

  /// Seconds of a chunk in a kernel that passes over a value, whose rate counts elements.
  private func pass(_ value: ValueID?, _ kernel: MachineRate) -> Double {
    guard let value, let type = type(value) else { return 0 }
    return Double(byteCount(value) / type.elementType.byteCount) / machine.rate(kernel, columns: 1024)
  }

  /// Seconds of a chunk until the model's inputs are there.
  var inputs: Double { measured("inputs", or: 0) }

  /// Seconds that a rank needs once to prepare operators of new shapes, and the weights of all nodes, old and new.
  var preparation: Double {
    var met = Set<String>()
    let nodes = run.executionOrder.reduce(0.0) { sum, node in
      let key = signature(node)
      return sum + ((met.insert(key).inserted ? machine.preparations[key] : machine.renewals[key]) ?? 0)
    }
    return run.layers.reduce(nodes) { $0 + (machine.renewals[signature($1.layer.node)] ?? 0) }
  }

  /// Seconds that a rank needs once to prepare the sums of new shapes.
  var sumPreparation: Double {
    Set(run.stages.flatMap(\.inputGroups).map { signature($0) }).reduce(0) { sum, key in
      sum + (machine.preparations["sums \(key)"] ?? 0) + (machine.preparations["cross \(key)"] ?? 0)
    }
  }
}
