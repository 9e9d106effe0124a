import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct ONNXQuantizeTests {
  /// Codes 0, 1, 2, ... modulo 2^bits and simple scales for the weight `name` of layers.onnx.
  private func weight(
    _ name: String, node: String, shape: [Int], bits: Int, symmetric: Bool,
    _ granularity: QuantizedWeight.Granularity
  ) -> QuantizedWeight {
    var result = QuantizedWeight(
      weight: name, node: node, codes: (0..<shape.reduce(1, *)).map { UInt8($0 % (1 << bits)) }, bits: bits,
      isSymmetric: symmetric, scales: [], zeroPoints: [], granularity: granularity)
    let count = result.scaleShape(weightShape: shape)!.reduce(1, *)
    for index in 0..<count {
      result.scales.append(Float(index + 1) / 4)
      result.zeroPoints.append(symmetric ? UInt8(1 << (bits - 1)) : UInt8(index % (1 << bits)))
    }
    return result
  }

  /// The weights of layers.onnx: a convolution, a matrix product (output channels last), a Gemm with transB.
  private func weights(bits: Int, symmetric: Bool) -> [QuantizedWeight] {
    [
      weight("conv.weight", node: "conv", shape: [5, 2, 3, 3], bits: bits, symmetric: symmetric, .perAxis(0)),
      weight("matmul.weight", node: "matmul", shape: [5, 7], bits: bits, symmetric: symmetric, .perAxis(1)),
      weight("gemm.weight", node: "gemm", shape: [3, 7], bits: bits, symmetric: symmetric, .perAxis(0)),
    ]
  }

  /// What `weight` stands for, with the index of the scale spelled out.
  private func values(of weight: QuantizedWeight, scaleIndex: (Int) -> Int) -> [Float] {
    var result: [Float] = []
    for (index, code) in weight.codes.enumerated() {
      let scale = scaleIndex(index)
      let steps: Int = Int(code) - Int(weight.zeroPoints[scale])
      result.append(Float(steps) * weight.scales[scale])
    }
    return result
  }

  @Test(
    "what is written reads back as the same weights, in every storage",
    arguments: [(2, true), (3, false), (4, true), (4, false), (5, true), (8, true), (8, false)],
    WeightStorage.allCases)
  func roundTrip(_ form: (bits: Int, symmetric: Bool), storage: WeightStorage) throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    let weights = weights(bits: form.bits, symmetric: form.symmetric)
    try model.quantize(weights, storage: storage, method: "test")
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("q.onnx"))
    let written = try ONNXModel(contentsOf: folder.file("q.onnx"))
    let graph = try written.graph()
    let rules: [(Int) -> Int] = [{ $0 / 18 }, { $0 % 7 }, { $0 / 7 }]
    for (weight, rule) in zip(weights, rules) {
      #expect(graph.constant(weight.weight)?.floatValues == values(of: weight, scaleIndex: rule))
      let stored = try #require(written.quantizedWeights()[weight.weight])
      #expect(stored.bits == form.bits && stored.granularity == weight.granularity)
      #expect(stored.hasZeroPoints == !form.symmetric)
      let isPacked = storage == .packed && form.bits <= 4
      let isSigned = storage == .int8 || form.symmetric
      let name = (isSigned ? "int" : "uint") + (isPacked ? "4" : "8")
      #expect(stored.storage == name)
    }
    #expect(written.opset == (storage == .packed ? 21 : 17))
    #expect(graph.nodes.map(\.name) == ["conv", "flatten", "matmul", "gemm", "relu"])
  }

  @Test("blocks along either axis read back, the last one shorter")
  func blocked() throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    let weights = [
      weight(
        "matmul.weight", node: "matmul", shape: [5, 7], bits: 4, symmetric: false, .blocked(axis: 0, blockSize: 2)),
      weight("gemm.weight", node: "gemm", shape: [3, 7], bits: 3, symmetric: true, .blocked(axis: 1, blockSize: 4)),
    ]
    try model.quantize(weights, storage: .packed, method: "test")
    let graph = try model.graph()
    let matmul = values(of: weights[0]) { $0 / 7 / 2 * 7 + $0 % 7 }
    let gemm = values(of: weights[1]) { $0 / 7 * 2 + $0 % 7 / 4 }
    #expect(graph.constant("matmul.weight")?.floatValues == matmul)
    #expect(graph.constant("gemm.weight")?.floatValues == gemm)
    let metadata = Dictionary(uniqueKeysWithValues: model.proto.metadataProps.map { ($0.key, $0.value) })
    #expect(metadata["rankwise.method"] == "test" && metadata["author"] == "someone")
    #expect(model.quantizedWeights()["gemm.weight"]?.bits == 3)
    #expect(model.quantizedWeights()["matmul.weight"]?.bits == 4)
  }

  @Test("4-bit codes are packed two to a byte, the first in the low bits, an odd one alone")
  func packing() {
    #expect(QuantizedTensors.packed([1, 2, 15, 0, 9]) == [0x21, 0x0F, 0x09])
    #expect(QuantizedTensors.packed([0xF8, 0x07]) == [0x78])  // -8 and 7: the upper bits of a byte do not matter
  }

  @Test("the floating-point tensors disappear, the rest stays")
  func removal() throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    try model.quantize(weights(bits: 4, symmetric: true), storage: .int8, method: "test")
    #expect(!model.graphProto.node.contains { $0.opType == "Constant" })
    #expect(
      Set(model.graphProto.initializer.map(\.name)) == [
        "conv.bias", "conv.weight_quantized", "conv.weight_scale", "gemm.weight_quantized", "gemm.weight_scale",
        "matmul.weight_quantized", "matmul.weight_scale",
      ])
  }

  @Test("a shared weight stays for the reader that is not quantized")
  func sharedWeight() throws {
    let original = try ONNXModel(contentsOf: fixture("old-ir.onnx"))
    let first = weight("w", node: "Conv_0", shape: [3, 3, 1, 1], bits: 4, symmetric: true, .perAxis(0))
    var one = original
    try one.quantize([first], storage: .int8, method: "test")
    let graph = try one.graph()
    #expect(graph.node("Conv_0")?.inputs[1] == graph.id("w_dequantized"))
    #expect(graph.node("second")?.inputs[1] == graph.id("w"))
    let untouched = (0..<9).map { Float($0 - 8) / 8 }
    #expect(graph.constant("w")?.floatValues == untouched)

    var second = first
    second.node = "second"
    var both = original
    try both.quantize([first, second], storage: .int8, method: "test")
    #expect(both.graphProto.node.count { $0.opType == "DequantizeLinear" } == 1)
    #expect(!both.graphProto.initializer.contains { $0.name == "w" })
    #expect(try both.graph().node("second")?.inputs[1] == both.graph().id("w"))

    second.codes[0] = 3
    var different = original
    try different.quantize([first, second], storage: .int8, method: "test")
    #expect(different.graphProto.node.count { $0.opType == "DequantizeLinear" } == 2)
    #expect(!different.graphProto.initializer.contains { $0.name == "w" })
  }

  @Test("values that do not fit are refused and leave the model as it was")
  func refusals() throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    let good = weight("gemm.weight", node: "gemm", shape: [3, 7], bits: 4, symmetric: false, .perAxis(0))
    var wrong: [QuantizedWeight] = []
    func vary(_ change: (inout QuantizedWeight) -> Void) {
      var copy = good
      change(&copy)
      wrong.append(copy)
    }
    vary { $0.weight = "none" }
    vary { $0.node = "conv" }
    vary { $0.bits = 9 }
    vary { $0.codes.removeLast() }
    vary { $0.codes[3] = 16 }
    vary { $0.zeroPoints[0] = 16 }
    vary { $0.scales.append(1) }
    vary { $0.scales[1] = .nan }
    vary { $0.scales[1] = -1 }
    vary { $0.isSymmetric = true }
    vary { $0.granularity = .perAxis(2) }
    vary { $0.granularity = .blocked(axis: 1, blockSize: 0) }
    for weight in wrong {
      let before = model.graphProto
      guard case .doesNotFit? = modelError({ try model.quantize([weight], storage: .packed, method: "test") }) else {
        Issue.record("\(weight) was accepted")
        continue
      }
      #expect(model.graphProto == before && model.opset == 17)
    }
    try model.quantize([good], storage: .packed, method: "test")
    let again = modelError { try model.quantize([good], storage: .packed, method: "test") }
    #expect(again?.description.contains("quantized already") == true)
  }

  @Test("half-precision weights have half-precision scales and read back in half precision")
  func halfPrecision() throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    let index = try #require(model.graphProto.initializer.firstIndex { $0.name == "gemm.weight" })
    model.graphProto.initializer[index] = ONNXTensorProto(
      name: "gemm.weight", type: .float16, shape: [3, 7], elements: [Float16](repeating: 1, count: 21))
    let gemm = weight("gemm.weight", node: "gemm", shape: [3, 7], bits: 4, symmetric: true, .perAxis(0))
    try model.quantize([gemm], storage: .int8, method: "test")
    let tensor = try #require(try model.graph().constant("gemm.weight"))
    #expect(tensor.elementType == .float16)
    let expected = values(of: gemm) { $0 / 7 }
    #expect(tensor.floatValues == expected)
  }

  @Test("the same model gives the same bytes")
  func deterministic() throws {
    let folder = try TemporaryFolder()
    for name in ["a.onnx", "b.onnx"] {
      var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
      try model.quantize(weights(bits: 3, symmetric: false), storage: .packed, method: "test")
      try model.write(to: folder.file(name))
    }
    #expect(try bytes(of: folder.file("a.onnx")) == bytes(of: folder.file("b.onnx")))
  }
}
