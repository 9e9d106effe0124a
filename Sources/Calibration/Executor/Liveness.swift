import Graphs

/// When each value of a run is read for the last time.
public struct Liveness: Sendable {
  /// For each node of the order, the values that nothing needs after it.
  private let dying: [Int: [ValueID]]

  /// Finds the last reader of every value that `order` (indices of `graph.nodes`) reads or writes.
  ///
  /// Values in `keep` never die: the graph's outputs, what a later stage reads, what is to be measured. A value that
  /// is written and never read dies at its own node. Linear in the number of inputs and outputs.
  public init(graph: Graph, order: some Sequence<Int>, keep: Set<ValueID>) {
    var last: [ValueID: Int] = [:]
    for index in order {
      let node = graph.nodes[index]
      for case let value? in node.inputs + node.outputs where !keep.contains(value) { last[value] = index }
    }
    // Who looks at an expert's rows must know whose they are, also where the order ends before the experts are added up.
    var open = Set<ValueID>()
    for index in order {
      let node = graph.nodes[index]
      if node.kind == .expertWeights { open.formUnion(node.outputs.compactMap { $0 }) }
      if node.kind == .expertSum { open.subtract(node.inputs.prefix(2).compactMap { $0 }) }
    }
    for value in open { last[value] = nil }
    var dying: [Int: [ValueID]] = [:]
    for (value, index) in last { dying[index, default: []].append(value) }
    self.dying = dying
  }

  /// The values that may be dropped when the node has run.
  public func dying(at node: Int) -> [ValueID] { dying[node] ?? [] }

  /// The largest sum of bytes of the values alive at one time while `order` runs under `plan`.
  ///
  /// Counts what `given` holds from the start and each node's inputs and outputs together; constants and values that
  /// the plan has folded are not counted, scratch memory inside operators neither.
  public func peakByteCount(graph: Graph, order: some Sequence<Int>, given: Set<ValueID>, plan: Plan) -> Int {
    var alive = given
    func bytes(_ value: ValueID) -> Int {
      plan.constant(value) == nil ? plan.expectedByteCount(value) : 0
    }
    var current = alive.reduce(0) { $0 + bytes($1) }
    var peak = current
    for index in order where !plan.isFolded(index) {
      for case let output? in graph.nodes[index].outputs where alive.insert(output).inserted {
        current += bytes(output)
      }
      peak = max(peak, current)
      for value in dying(at: index) where alive.remove(value) != nil { current -= bytes(value) }
    }
    return peak
  }
}

extension TensorType {
  /// Number of elements.
  public var count: Int { shape.reduce(1, *) }
  /// Bytes of a tensor of this type.
  public var byteCount: Int { count * elementType.byteCount }
}
