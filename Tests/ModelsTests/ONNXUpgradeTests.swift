import Graphs
import Testing

@testable import Models

@Suite struct ONNXUpgradeTests {
  @Test("attributes that became inputs are moved, with the same values")
  func attributes() throws {
    var model = try ONNXModel(contentsOf: fixture("opset-9.onnx"))
    try model.upgrade(toOpset: 21)
    #expect(model.opset == 21 && model.irVersion == 10)
    let graph = try model.graph()
    func constant<T: TensorElement>(_ node: String, _ input: Int, of: T.Type) -> [T]? {
      guard let node = graph.node(node), node.inputs.indices.contains(input), let id = node.inputs[input] else {
        return nil
      }
      return graph.constants[id]?.array(of: T.self)
    }
    #expect(constant("unsqueeze", 1, of: Int64.self) == [1])
    #expect(constant("squeeze", 1, of: Int64.self) == [1])
    #expect(constant("slice", 1, of: Int64.self) == [0])
    #expect(constant("slice", 2, of: Int64.self) == [4])
    #expect(constant("slice", 3, of: Int64.self) == [1])
    #expect(constant("pad", 1, of: Int64.self) == [0, 0, 1, 1, 0, 0, 1, 1])
    #expect(constant("pad", 2, of: Float.self) == [0.5])
    #expect(constant("clip", 1, of: Float.self) == nil)
    #expect(constant("clip", 2, of: Float.self) == [0.75])
    #expect(constant("split", 1, of: Int64.self) == [1, 3])
    #expect(constant("mean", 1, of: Int64.self) == [2, 3])
    #expect(constant("sum", 1, of: Int64.self) == [2, 3])
    #expect(constant("upsample", 2, of: Float.self) == [1, 1, 2, 2])
    let resize = try #require(graph.node("upsample"))
    #expect(resize.kind == .resize)
    #expect(resize.string("coordinate_transformation_mode", default: "") == "asymmetric")
    #expect(resize.string("nearest_mode", default: "") == "floor")
    #expect(graph.node("dropout")?.outputs.count == 1)
    #expect(graph.node("bn")?.outputs.count == 1)
  }

  @Test("a Softmax over several axes is wrapped in Flatten and Reshape; one over the last axis is not")
  func softmax() throws {
    let graph = try ONNXModel(contentsOf: fixture("opset-9.onnx")).graph()
    let softmax = try #require(graph.node("softmax"))
    #expect(softmax.int("axis", default: 9) == -1)
    let producers = graph.producers()
    let flatten = graph.nodes[try #require(producers[softmax.inputs[0]!])]
    #expect(flatten.kind == .flatten && flatten.int("axis", default: 0) == 1)
    let last = graph.nodes[try #require(producers[graph.outputs[0]])]
    #expect(last.kind == .reshape)

    var model = try ONNXModel(contentsOf: fixture("opset-9.onnx"))
    let index = try #require(model.graphProto.node.firstIndex { $0.opType == "Softmax" })
    model.graphProto.node[index].set("axis", 3)
    #expect(!(try model.graph().nodes.contains { $0.kind == .flatten }))
  }

  @Test(
    "the nearest element of an old Resize is the one before when enlarging, the one behind when shrinking",
    arguments: [([1, 1, 2, 1.5], "floor"), ([1, 1, 0.5, 1], "ceil"), ([1, 1, 0.5, 2], nil)] as [([Float], String?)])
  func nearest(scales: [Float], mode: String?) throws {
    var model = try ONNXModel(contentsOf: fixture("opset-9.onnx"))
    let index = try #require(model.graphProto.initializer.firstIndex { $0.name == "scales" })
    model.graphProto.initializer[index] = ONNXTensorProto(name: "scales", type: .float32, shape: [4], elements: scales)
    var found: String?
    let error = modelError { found = try model.graph().node("upsample")?.string("nearest_mode", default: "") }
    #expect(found == mode)
    #expect((error == nil) == (mode != nil))
  }

  @Test("an output that exists for training only and is read cannot be upgraded")
  func trainingOutput() throws {
    var model = try ONNXModel(contentsOf: fixture("opset-9.onnx"))
    model.graphProto.output.append(ONNXValueInfoProto())
    model.graphProto.output[1].name = "e1"
    let before = model.graphProto
    guard case .cannotUpgrade("bn", "BatchNormalization", 9, 21, _)? = modelError({ try model.upgrade(toOpset: 21) })
    else {
      Issue.record("no error")
      return
    }
    #expect(model.graphProto == before && model.opset == 9)
  }

  @Test("an operator whose history is unknown cannot be upgraded, but stays where no upgrade is needed")
  func unknownOperator() throws {
    var model = try ONNXModel(contentsOf: fixture("missing.onnx"))
    try model.upgrade(toOpset: 17)
    guard case .cannotUpgrade("det", "Det", 17, 21, _)? = modelError({ try model.upgrade(toOpset: 21) }) else {
      Issue.record("no error")
      return
    }
  }

  @Test("new constants do not take a name that is in use")
  func clash() throws {
    var model = try ONNXModel(contentsOf: fixture("opset-9.onnx"))
    let index = try #require(model.graphProto.node.firstIndex { $0.name == "squeeze" })
    model.graphProto.node[index].output[0] = "unsqueeze_axes"
    model.graphProto.node[index + 1].input[0] = "unsqueeze_axes"
    let graph = try model.graph()
    #expect(graph.constant("unsqueeze_axes") == nil)
    #expect(graph.constant("unsqueeze_axes_1")?.array(of: Int64.self) == [1])
  }

  @Test("initializers are no longer inputs when a file of the oldest format is upgraded")
  func oldestFormat() throws {
    var model = try ONNXModel(contentsOf: fixture("old-ir.onnx"))
    try model.upgrade(toOpset: 13)
    #expect(model.irVersion == 7)
    #expect(model.graphProto.input.map(\.name) == ["x"])
  }
}
