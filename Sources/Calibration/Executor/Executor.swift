import Graphs
import LinearAlgebra
import Synchronization

/// Runs a graph on the processor, one operator after the other, on the calling thread; others may take pieces of an operator.
///
/// The executor holds a kernel per node and no data: any number of threads may run it at a time, each with a
/// `ValueTable` of its own. Results depend on the inputs alone, bit for bit.
public final class Executor: Sendable {
  /// The graph that is run.
  public let graph: Graph
  /// The values that say which experts run on which tokens.
  public let choices: [ValueID]
  /// The kernel of each node.
  let kernels: [any OperatorKernel]
  /// Plans of the convenience `run(inputs:)`, by the types of its inputs.
  private let plans = Mutex<[[ValueID: TensorType]: Plan]>([:])

  /// Makes the kernel of every node; throws `ExecutionError.node` for the first operator or mode that is missing.
  public init(graph: Graph) throws(ExecutionError) {
    self.graph = graph
    choices = graph.nodes.compactMap { $0.kind == .expertWeights ? $0.outputs[1] : nil }
    var kernels: [any OperatorKernel] = []
    kernels.reserveCapacity(graph.nodes.count)
    for node in graph.nodes {
      do throws(OperatorError) {
        kernels.append(try OperatorLibrary.kernel(for: node))
      } catch {
        throw .node(name: node.name, kind: node.kind.rawValue, reason: error)
      }
    }
    self.kernels = kernels
  }

  /// Runs `nodes` (indices of `graph.nodes`, each after those that it reads from) and writes what they compute to
  /// `table`.
  ///
  /// A node reads a value from `weights`, else from `table`, else from the constants of `plan`; the values must have
  /// the types of the plan. Nodes that the plan has folded are skipped. With `liveness`, a value is dropped from
  /// `table` after its last reader. `extra` are tokens that experts run on besides those that chose them. `workers` share the
  /// pieces of operators; the values do not depend on them.
  public func run(
    _ nodes: some Sequence<Int>, plan: Plan, weights: Weights = Weights(), liveness: Liveness? = nil,
    extra: ExtraTokens? = nil, workers: Workers = .alone, table: inout ValueTable
  ) throws(ExecutionError) {
    try check(weights, plan: plan)
    for index in nodes {
      if !plan.isFolded(index) {
        try run(index, plan: plan, weights: weights, extra: extra, workers: workers, table: &table)
      }
      guard let liveness else { continue }
      for value in liveness.dying(at: index) { table[value] = nil }
    }
  }

  /// Computes the graph's outputs from its inputs; the plan is made at the first call for inputs of these shapes.
  public func run(
    inputs: [ValueID: Tensor], weights: Weights = Weights(), workers: Workers = .alone
  ) throws(ExecutionError) -> [ValueID: Tensor] {
    let types = inputs.mapValues(\.type)
    let plan: Plan
    if let known = plans.withLock({ $0[types] }) {
      plan = known
    } else {
      plan = try specialize(inputs: types, replaceable: Set(graph.constants.keys).intersection(weightInputs))
      plans.withLock { plans in
        if plans.count >= 4 { plans.removeAll() }
        plans[types] = plan
      }
    }
    let outputs = Set(graph.outputs)
    let liveness = Liveness(graph: graph, order: graph.nodes.indices, keep: outputs)
    var table = ValueTable(inputs)
    try run(graph.nodes.indices, plan: plan, weights: weights, liveness: liveness, workers: workers, table: &table)
    var results: [ValueID: Tensor] = [:]
    for output in graph.outputs {
      guard let tensor = weights[output] ?? table[output] ?? plan.constant(output) else {
        throw .missing(value: graph.values[output].name, reader: "the caller")
      }
      results[output] = tensor
    }
    return results
  }

  /// Into how many pieces a node's work on inputs of these types is cut, which threads may share.
  public func pieceCount(of node: Int, inputs: [TensorType?]) -> Int { max(1, kernels[node].pieceCount(inputs)) }

  /// Numbers that a piece of a product converts of a weight that is stored as another type.
  public static var convertedCount: Int { GemmKernel.convertedCount }

  /// The values that layers read as weight or bias.
  private var weightInputs: Set<ValueID> {
    var values = Set<ValueID>()
    for node in graph.nodes {
      switch node.kind {
      case .conv, .convTranspose, .gemm, .matMul: for case let value? in node.inputs { values.insert(value) }
      default: break
      }
    }
    return values
  }

  /// Whether a tensor of type `given` can stand for one of type `planned`: a weight of 16 bits may be replaced by float32,
  /// and either by bfloat16.
  private static func fits(_ given: TensorType, _ planned: TensorType) -> Bool {
    let isFloat = planned.elementType == .float32 || planned.elementType.isHalf
    return given == planned
      || (given.shape == planned.shape && isFloat && [.float32, .bfloat16].contains(given.elementType))
  }

  /// Throws unless every replacement has the constant's type and nothing was computed from the constant before.
  private func check(_ weights: Weights, plan: Plan) throws(ExecutionError) {
    for (value, tensor) in weights.replacements {
      let name = graph.values[value].name
      if let type = plan.types[value], !Self.fits(tensor.type, type) {
        throw .mismatch(value: name, given: "\(tensor.type)", expected: "\(type)")
      }
      if plan.foldedFrom.contains(value) { throw .folded(value: name) }
    }
  }

  private func run(
    _ index: Int, plan: Plan, weights: Weights, extra: ExtraTokens?, workers: Workers, table: inout ValueTable
  ) throws(ExecutionError) {
    let node = graph.nodes[index]
    var inputs: [Tensor?] = []
    inputs.reserveCapacity(node.inputs.count)
    for value in node.inputs {
      guard let value else {
        inputs.append(nil)
        continue
      }
      if let weight = weights[value] {
        inputs.append(weight)
        continue
      }
      guard let tensor = table[value] ?? plan.constant(value) else {
        throw .missing(value: graph.values[value].name, reader: node.name)
      }
      if !plan.admits(tensor.type, for: value), let type = plan.types[value] {
        throw .mismatch(value: graph.values[value].name, given: "\(tensor.type)", expected: "\(type)")
      }
      inputs.append(tensor)
    }
    var outputs: [Tensor]
    do throws(OperatorError) {
      outputs = try kernels[index].run(inputs, workers)
    } catch {
      throw Self.failure(of: node, inputs.map { $0?.type }, error)
    }
    if node.kind == .expertWeights, let extra, let value = node.outputs[1], let shares = inputs[0] {
      outputs[1] = extra.added(to: outputs[1], of: value, shares: shares)
    }
    for (value, tensor) in zip(node.outputs, outputs) {
      guard let value else { continue }
      precondition(
        plan.admits(tensor.type, for: value),
        "\(node.name) (\(node.kind.rawValue)) wrote \(tensor.type), its shape rule says \(plan.types[value], default: "nothing")"
      )
      table[value] = tensor
    }
  }

  /// The error of a node with the types of its inputs.
  static func failure(of node: Node, _ inputs: [TensorType?], _ reason: OperatorError) -> ExecutionError {
    let types = inputs.map { $0.map(\.description) ?? "none" }.joined(separator: ", ")
    return .inputs(name: node.name, kind: node.kind.rawValue, inputs: types, reason: reason)
  }
}
