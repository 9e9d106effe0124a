import Graphs
import Testing

@testable import Models

@Suite struct ONNXFoldingTests {
  // scale / sqrt(variance), with epsilon 0: exact in float32, as are all products below.
  private let s: [Float] = [1, 1, 6, 1]
  private let shift: [Float] = [0.5, 0, -0.5, 1]
  private let mean: [Float] = [1, 0, 2, -1]
  /// `ramp` of make_fixtures.py.
  private func ramp(_ count: Int) -> [Float] { (0..<count).map { Float($0 % 17 - 8) / 8 } }

  private func folded() throws -> Graph {
    var model = try ONNXModel(contentsOf: fixture("batch-normalization.onnx"))
    #expect(try model.foldBatchNormalizations() == ["conv", "transposed", "gemm"])
    return try model.graph()
  }

  private func input(_ index: Int, of name: String, _ graph: Graph) -> [Float]? {
    graph.node(name)?.inputs[index].flatMap { graph.constants[$0]?.floatValues }
  }

  /// `weights` times s of the channel that `channel` says.
  private func scaled(_ weights: [Float], channel: (Int) -> Int) -> [Float] {
    var result = weights
    for index in weights.indices { result[index] *= s[channel(index)] }
    return result
  }

  /// (bias - mean) * s + shift.
  private func shifted(_ bias: [Float]) -> [Float] {
    var result = bias
    for index in bias.indices { result[index] = (bias[index] - mean[index]) * s[index] + shift[index] }
    return result
  }

  @Test("weight and bias of a convolution take in scale and shift, and the output keeps its name")
  func convolution() throws {
    let graph = try folded()
    // W is 4 x 2: a row per channel.
    let weights = scaled(ramp(8)) { $0 / 2 }
    #expect(input(1, of: "conv", graph) == weights)
    #expect(input(2, of: "conv", graph) == shifted([0, 0, 0, 0]))
    let output = try #require(graph.node("conv")?.outputs[0])
    #expect(graph.values[output].name == "n1")
  }

  @Test("a grouped transposed convolution has its channels along the second axis of each group")
  func transposed() throws {
    let graph = try folded()
    // W is 4 x 2 in two groups: input channels 0 and 1 write channels 0 and 1, the others 2 and 3.
    let weights = scaled(ramp(8)) { $0 / 4 * 2 + $0 % 2 }
    #expect(input(1, of: "transposed", graph) == weights)
    #expect(input(2, of: "transposed", graph) == shifted([1, 2, 3, 4]))
  }

  @Test("a Gemm's beta goes into the folded bias")
  func gemm() throws {
    let graph = try folded()
    let weights = scaled(ramp(16)) { $0 / 4 }
    #expect(input(1, of: "gemm", graph) == weights)
    #expect(input(2, of: "gemm", graph) == shifted([1, 2, 3, 4]))
    #expect(graph.node("gemm")?.attributes["beta"] == nil)
    #expect(graph.node("bn4") == nil)
    #expect(graph.values[graph.outputs[0]].name == "y")
  }

  @Test("a convolution whose output someone else reads keeps its BatchNormalization and its shared weight")
  func readTwice() throws {
    let graph = try folded()
    #expect(graph.node("bn3") != nil)
    #expect(input(1, of: "twice", graph) == ramp(8))
    #expect(graph.node("twice")?.inputs.count == 2)
  }

  @Test("parameters that nothing reads any more are removed, others stay")
  func parameters() throws {
    var model = try ONNXModel(contentsOf: fixture("batch-normalization.onnx"))
    try model.foldBatchNormalizations()
    let names = Set(model.graphProto.initializer.map(\.name))
    #expect(names.isSuperset(of: ["w1", "w1_folded", "scale", "shift", "mean", "variance"]))
    #expect(names.isDisjoint(with: ["w2", "w4", "b2", "b4"]))
  }

  @Test("a bias is read, replaced and added")
  func bias() throws {
    var model = try ONNXModel(contentsOf: fixture("batch-normalization.onnx"))
    #expect(try model.bias(node: "conv") == nil)
    #expect(try model.bias(node: "gemm") == [1, 2, 3, 4])
    try model.setBias(node: "conv", values: [1, 2, 3, 4])
    try model.setBias(node: "gemm", values: [5, 6, 7, 8])
    #expect(try model.bias(node: "conv") == [1, 2, 3, 4])
    #expect(try model.bias(node: "gemm") == [5, 6, 7, 8])
    #expect(try model.bias(node: "twice") == nil)
    let graph = try model.graph()
    #expect(input(2, of: "conv", graph) == [1, 2, 3, 4])
    guard case .doesNotFit? = modelError({ try model.setBias(node: "add", values: [1]) }) else {
      Issue.record("an Add got a bias")
      return
    }
  }
}
