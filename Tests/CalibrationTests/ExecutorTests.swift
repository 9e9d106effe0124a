import Graphs
import LinearAlgebra
import Synchronization
import Testing

@testable import Calibration

@Suite("Executor")
struct ExecutorTests {
  /// x -> Conv(w, b) -> Relu -> Conv(v) -> Relu, open in batch and size.
  private static func network() -> Graph {
    Graph(
      name: "small",
      values: [
        Value(name: "x", elementType: .float32, shape: [nil, 8, nil, nil]), Value(name: "w"), Value(name: "b"),
        Value(name: "conv1"), Value(name: "relu1"), Value(name: "v"), Value(name: "conv2"), Value(name: "y"),
      ],
      inputs: [0], outputs: [7],
      nodes: [
        Node(
          name: "first", kind: .conv, inputs: [0, 1, 2], outputs: [3], attributes: ["pads": .ints([1, 1, 1, 1])]),
        Node(name: "second", kind: .relu, inputs: [3], outputs: [4]),
        Node(name: "third", kind: .conv, inputs: [4, 5, nil], outputs: [6]),
        Node(name: "fourth", kind: .relu, inputs: [6], outputs: [7]),
      ],
      constants: [
        1: ComputeReference.tensor([16, 8, 3, 3], seed: 1), 2: ComputeReference.tensor([16], seed: 2),
        5: ComputeReference.tensor([4, 16, 1, 1], seed: 3),
      ])
  }

  /// What `network` computes, by definition.
  private static func expected(_ x: Tensor, _ constants: [ValueID: Tensor]) -> [Double] {
    let first = ComputeReference.convolution(
      x, constants[1]!, constants[2]!.array(), strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], groups: 1)
    let middle = Tensor(first.values.map { Float(max($0, 0)) }, shape: first.shape)
    let second = ComputeReference.convolution(
      middle, constants[5]!, nil, strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], groups: 1)
    return second.values.map { max($0, 0) }
  }

  /// Bound of the float32 error of `network`: 73 and 16 products below 1 and 73 in magnitude.
  private static let tolerance = 73.0 * 73 * 16 * 0x1p-23

  @Test("a forward pass gives the outputs")
  func forward() throws {
    let graph = Self.network()
    let x = ComputeReference.tensor([2, 8, 6, 5], seed: 4)
    let y = try Executor(graph: graph).run(inputs: [0: x])
    #expect(Array(y.keys) == [7])
    #expect(y[7]!.shape == [2, 4, 6, 5])
    #expect(ComputeReference.difference(y[7]!.array(), Self.expected(x, graph.constants)) <= Self.tolerance)
  }

  @Test("values die after their last reader, and those that are kept stay")
  func liveness() throws {
    let graph = Self.network()
    let executor = try Executor(graph: graph)
    let plan = try executor.specialize(inputs: [0: TensorType(.float32, [1, 8, 4, 4])])
    let order = [0, 1, 2, 3]
    let liveness = Liveness(graph: graph, order: order, keep: [4, 7])
    var table = ValueTable([0: ComputeReference.tensor([1, 8, 4, 4], seed: 5)])
    weak var first: TensorStorage?
    try executor.run([0], plan: plan, liveness: liveness, table: &table)
    first = table[3]?.storage
    #expect(first != nil)
    #expect(Set(table.tensors.keys) == [3])
    try executor.run([1], plan: plan, liveness: liveness, table: &table)
    #expect(first == nil)
    #expect(Set(table.tensors.keys) == [4])
    try executor.run([2, 3], plan: plan, liveness: liveness, table: &table)
    #expect(Set(table.tensors.keys) == [4, 7])
    #expect(table.byteCount == (16 + 4) * 16 * 4)
    // The most is held while the first activation runs: its input and its output, 16 channels each.
    #expect(liveness.peakByteCount(graph: graph, order: order, given: [0], plan: plan) == (16 + 16) * 16 * 4)
  }

  @Test("a subset of the nodes continues from the values that an earlier one kept")
  func stages() throws {
    let graph = Self.network()
    let executor = try Executor(graph: graph)
    let x = ComputeReference.tensor([1, 8, 4, 4], seed: 6)
    let plan = try executor.specialize(inputs: [0: x.type])
    var table = ValueTable([0: x])
    let first = Liveness(graph: graph, order: [0, 1], keep: [4])
    try executor.run([0, 1], plan: plan, liveness: first, table: &table)
    try executor.run([2, 3], plan: plan, table: &table)
    let whole = try executor.run(inputs: [0: x])
    #expect(table[7]!.array(of: Float.self) == whole[7]!.array(of: Float.self))
  }

  @Test("a replaced weight takes effect, and the executor keeps the model's own")
  func replacedWeight() throws {
    let graph = Self.network()
    let executor = try Executor(graph: graph)
    let x = ComputeReference.tensor([1, 8, 4, 4], seed: 7)
    let before = try executor.run(inputs: [0: x])[7]!.array(of: Float.self)
    var weights = Weights()
    weights[1] = ComputeReference.tensor([16, 8, 3, 3], seed: 8)
    weights[2] = ComputeReference.tensor([16], seed: 9)
    let replaced = try executor.run(inputs: [0: x], weights: weights)[7]!.array(of: Float.self)
    let expected = Self.expected(x, graph.constants.merging(weights.replacements) { $1 })
    #expect(ComputeReference.difference(replaced, expected) <= Self.tolerance)
    #expect(replaced != before)
    #expect(try executor.run(inputs: [0: x])[7]!.array(of: Float.self) == before)
    weights[1] = ComputeReference.tensor([16, 8, 1, 1], seed: 8)
    #expect(
      throws: ExecutionError.mismatch(
        value: "w", given: "float32 [16, 8, 1, 1]", expected: "float32 [16, 8, 3, 3]")
    ) {
      try executor.run(inputs: [0: x], weights: weights)
    }
  }

  @Test("many threads give the same bits as one")
  func threads() throws {
    let executor = try Executor(graph: Self.network())
    let inputs = (0..<8).map { ComputeReference.tensor([2, 8, 7, 9], seed: UInt64($0)) }
    let alone = try inputs.map { try executor.run(inputs: [0: $0])[7]!.array(of: Float.self) }
    // A new executor, so that the threads also meet at the preparation of each kernel.
    let fresh = try Executor(graph: Self.network())
    let together = Mutex([[Float]](repeating: [], count: 4 * inputs.count))
    Parallel.forEach(4 * inputs.count, threads: 4) { index in
      let y = try? fresh.run(inputs: [0: inputs[index % inputs.count]])[7]!.array(of: Float.self)
      together.withLock { $0[index] = y ?? [] }
    }
    let results = together.withLock { $0 }
    for index in results.indices { #expect(results[index] == alone[index % inputs.count]) }
  }

  @Test("what reads constants only is computed once, in the plan")
  func folding() throws {
    // w' = w * w is folded; then x * w'.
    let graph = Graph(
      name: "folding", values: ["x", "w", "square", "y"].map { Value(name: $0) }, inputs: [0], outputs: [3],
      nodes: [
        Node(name: "square", kind: .matMul, inputs: [1, 1], outputs: [2]),
        Node(name: "product", kind: .matMul, inputs: [0, 2], outputs: [3]),
      ], constants: [1: Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])])
    let executor = try Executor(graph: graph)
    let plan = try executor.specialize(inputs: [0: TensorType(.float32, [1, 2])])
    #expect(plan.isFolded(0) && !plan.isFolded(1))
    #expect(plan.constant(2)?.array(of: Float.self) == [7, 10, 15, 22])
    #expect(plan.types[3] == TensorType(.float32, [1, 2]))
    var table = ValueTable([0: Tensor([1, 1] as [Float], shape: [1, 2])])
    try executor.run([0, 1], plan: plan, table: &table)
    #expect(table[2] == nil)
    #expect(table[3]?.array(of: Float.self) == [22, 32])

    // Replacing w behind the plan's back is refused; a plan that was told computes it at each run.
    var weights = Weights()
    weights[1] = Tensor([1, 0, 0, 2] as [Float], shape: [2, 2])
    #expect(throws: ExecutionError.folded(value: "w")) {
      try executor.run([0, 1], plan: plan, weights: weights, table: &table)
    }
    let open = try executor.specialize(inputs: [0: TensorType(.float32, [1, 2])], replaceable: [1])
    #expect(!open.isFolded(0) && open.constant(2) == nil)
    try executor.run([0, 1], plan: open, weights: weights, table: &table)
    #expect(table[3]?.array(of: Float.self) == [1, 4])
  }

  @Test("an operator that does not fit is named with its shapes, an unsupported mode before any work")
  func errors() throws {
    var graph = Self.network()
    let executor = try Executor(graph: graph)
    #expect(
      throws: ExecutionError.mismatch(
        value: "x", given: "float32 [1, 3, 4, 4]", expected: "float32 [?, 8, ?, ?]")
    ) {
      try executor.specialize(inputs: [0: TensorType(.float32, [1, 3, 4, 4])])
    }
    #expect(throws: ExecutionError.missing(value: "x", reader: "the model")) { try executor.specialize(inputs: [:]) }
    let plan = try executor.specialize(inputs: [0: TensorType(.float32, [1, 8, 4, 4])])
    var table = ValueTable()
    #expect(throws: ExecutionError.missing(value: "x", reader: "first")) {
      try executor.run([0], plan: plan, table: &table)
    }
    table[0] = ComputeReference.tensor([1, 8, 4, 5], seed: 1)
    #expect(
      throws: ExecutionError.mismatch(value: "x", given: "float32 [1, 8, 4, 5]", expected: "float32 [1, 8, 4, 4]")
    ) {
      try executor.run([0], plan: plan, table: &table)
    }
    graph.constants[5] = ComputeReference.tensor([4, 3, 1, 1], seed: 3)
    let contradiction = #expect(throws: ExecutionError.self) {
      try Executor(graph: graph).specialize(inputs: [0: TensorType(.float32, [1, 8, 4, 4])])
    }
    #expect(
      contradiction?.description == "third (Conv) of float32 [1, 16, 4, 4], float32 [4, 3, 1, 1], none: "
        + "16 channels in 1 groups do not fit a weight of [4, 3, 1, 1]")
    graph.nodes[2].attributes["kernel_shape"] = .ints([1, 1, 1])
    let refused = #expect(throws: ExecutionError.self) { try Executor(graph: graph) }
    #expect(
      refused?.description
        == "third (Conv): not supported: 3 spatial dimensions (kernel_shape [1, 1, 1]); 1 to 2 are")
  }
}
