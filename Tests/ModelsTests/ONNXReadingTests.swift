import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct ONNXReadingTests {
  @Test("all forms of constants become tensors, typed fields included")
  func constants() throws {
    let graph = try ONNXModel(contentsOf: fixture("constants.onnx")).graph()
    #expect(graph.constant("one")?.array(of: Float.self) == [1, 2])
    #expect(graph.constant("float")?.array(of: Float.self) == [0.5])
    #expect(graph.constant("float")?.shape == [])
    #expect(graph.constant("floats")?.array(of: Float.self) == [1, 2])
    #expect(graph.constant("ints")?.array(of: Int64.self) == [1, 2, 3])
    #expect(graph.constant("int")?.array(of: Int64.self) == [-7])
    let typed = try #require(graph.constant("typed"))
    #expect(typed.elementType == .float16)
    #expect(typed.floatValues == [1, -2])
  }

  @Test("nodes are sorted, and those that no output needs are left out, known or not")
  func order() throws {
    let graph = try ONNXModel(contentsOf: fixture("constants.onnx")).graph()
    let names = graph.nodes.map(\.name)
    #expect(!names.contains("unused"))
    let first = try #require(names.firstIndex(of: "first"))
    let second = try #require(names.firstIndex(of: "second"))
    let last = try #require(names.firstIndex(of: "last"))
    #expect(first < second && second < last)
    #expect(graph.outputs.map { graph.values[$0].name } == ["y", "z", "i"])
  }

  @Test("one error lists every missing operator with its first node and the count")
  func missing() throws {
    let model = try ONNXModel(contentsOf: fixture("missing.onnx"))
    let error = modelError { _ = try model.graph() }
    guard case .missingOperators(_, let operators)? = error else {
      Issue.record("\(String(describing: error))")
      return
    }
    #expect(
      operators.sorted { $0.type < $1.type } == [
        MissingOperator(type: "Det", node: "det", count: 2),
        MissingOperator(type: "elsewhere.Rotate", node: "rotate", count: 1),
      ])
  }

  @Test("initializers that old files list as inputs are constants, not inputs")
  func oldInputs() throws {
    let graph = try ONNXModel(contentsOf: fixture("old-ir.onnx")).graph()
    #expect(graph.inputs.map { graph.values[$0].name } == ["x"])
    #expect(graph.values[graph.inputs[0]].shape == [nil, 3, 2, 2])
    #expect(graph.constant("w")?.shape == [3, 3, 1, 1])
  }

  @Test("unnamed nodes get names of their own, which are not written")
  func names() throws {
    let model = try ONNXModel(contentsOf: fixture("old-ir.onnx"))
    let graph = try model.graph()
    #expect(Set(graph.nodes.map(\.name)).count == graph.nodes.count)
    #expect(graph.node("Conv_0") != nil && graph.node("second") != nil)
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("again.onnx"))
    #expect(!String(decoding: try bytes(of: folder.file("again.onnx")), as: UTF8.self).contains("Conv_0"))
  }

  @Test("an untouched model is written with the bytes it was read from, unknown fields included")
  func roundTrip() throws {
    let model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    #expect(!model.proto.unknownFields.data.isEmpty)  // training_info
    #expect(!model.graphProto.node.last!.unknownFields.data.isEmpty)  // doc_string
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("a.onnx"))
    let again = try ONNXModel(contentsOf: folder.file("a.onnx"))
    #expect(again.proto == model.proto)
    #expect(again.graphProto == model.graphProto)
    #expect(try bytes(of: folder.file("a.onnx")).count == bytes(of: fixture("layers.onnx")).count)
    #expect(try folder.contents == ["a.onnx"])
  }

  @Test("files that are cut off or are something else are refused", arguments: [0, 1, 17, 400, 1000])
  func truncated(length: Int) throws {
    let folder = try TemporaryFolder()
    let path = try folder.write(bytes(of: fixture("layers.onnx")).prefix(length), to: "cut.onnx")
    let error = modelError { _ = try ONNXModel(contentsOf: path).graph() }
    guard case .malformed(path, _)? = error else {
      Issue.record("\(length) bytes: \(String(describing: error))")
      return
    }
  }

  @Test("a missing file and a folder are unreadable")
  func unreadable() throws {
    let folder = try TemporaryFolder()
    for path in [folder.file("none.onnx"), folder.path] {
      guard case .unreadable(path, _)? = modelError({ _ = try ONNXModel(contentsOf: path) }) else {
        Issue.record("\(path)")
        continue
      }
    }
  }

  @Test("operator sets that are too old or too new are refused", arguments: [8, 26])
  func opsets(version: Int64) throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    model.proto.opsetImport[0].version = version
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("m.onnx"))
    guard case .unsupported? = modelError({ _ = try ONNXModel(contentsOf: folder.file("m.onnx")) }) else {
      Issue.record("operator set \(version) was read")
      return
    }
  }

  @Test("a value that two nodes write, a cycle, and a value that nothing writes are refused")
  func structure() throws {
    let model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    var twice = model
    twice.graphProto.node.append(model.graphProto.node[0])
    var cycle = model
    cycle.graphProto.node[0].input[0] = "d"
    var dangling = model
    dangling.graphProto.node[0].input[0] = "nowhere"
    for broken in [twice, cycle, dangling] {
      guard case .malformed? = modelError({ _ = try broken.graph() }) else {
        Issue.record("a graph was made")
        continue
      }
    }
  }

  @Test("a tensor whose data does not have the size of its shape is refused")
  func tensorSizes() throws {
    let reader = TensorReader(path: "m", external: nil)
    var tensor = ONNXTensorProto(name: "t", type: .float32, shape: [2, 2], elements: [Float](repeating: 1, count: 4))
    #expect(try reader.tensor(tensor).array(of: Float.self) == [1, 1, 1, 1])
    for dims in [[3, 2], [-1, 4], [Int64.max, Int64.max], [1 << 40, 1 << 40]] as [[Int64]] {
      tensor.dims = dims
      guard case .malformed? = modelError({ _ = try reader.tensor(tensor) }) else {
        Issue.record("\(dims)")
        continue
      }
    }
    tensor.dims = [2, 2]
    tensor.dataType = 8
    guard case .unsupported? = modelError({ _ = try reader.tensor(tensor) }) else {
      Issue.record("strings were read")
      return
    }
  }

  @Test("a file with one tensor is read")
  func tensorFile() throws {
    let folder = try TemporaryFolder()
    let tensor = ONNXTensorProto(name: "t", type: .int64, shape: [3], elements: [1, -2, 3] as [Int64])
    let path = try folder.write(tensor.serializedData(), to: "t.pb")
    #expect(try TensorFile.read(path).array(of: Int64.self) == [1, -2, 3])
    let cut = try folder.write(tensor.serializedData().dropLast(3), to: "cut.pb")
    #expect(modelError { _ = try TensorFile.read(cut) } != nil)
  }
}
