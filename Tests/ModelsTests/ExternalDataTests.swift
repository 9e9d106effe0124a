import Foundation
import Graphs
import Testing

@testable import Models

@Suite struct ExternalDataTests {
  @Test("tensors outside the model are read and written outside again, aligned")
  func roundTrip() throws {
    let inside = try ONNXModel(contentsOf: fixture("layers.onnx")).graph()
    let model = try ONNXModel(contentsOf: fixture("outside.onnx"))
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("copy.onnx"))
    #expect(try folder.contents == ["copy.onnx", "copy.onnx.data"])
    let copy = try ONNXModel(contentsOf: folder.file("copy.onnx"))
    for name in ["conv.weight", "conv.bias", "gemm.weight", "matmul.weight"] {
      let expected = inside.constant(name)?.array(of: Float.self)
      #expect(try model.graph().constant(name)?.array(of: Float.self) == expected)
      #expect(try copy.graph().constant(name)?.array(of: Float.self) == expected)
    }
    for tensor in copy.graphProto.initializer where tensor.dataLocation == .external {
      let offset = tensor.externalData.first { $0.key == "offset" }.flatMap { Int($0.value) }
      #expect(offset.map { $0 % 4096 } == 0)
    }
    // Written over itself, with the old data still mapped.
    try copy.write(to: folder.file("copy.onnx"))
    let again = try ONNXModel(contentsOf: folder.file("copy.onnx")).graph()
    #expect(
      again.constant("gemm.weight")?.array(of: Float.self) == inside.constant("gemm.weight")?.array(of: Float.self))
  }

  @Test("the files of a model are its own and those of its external data, which must lie in its folder")
  func files() throws {
    let files = try InputFiles(model: fixture("outside.onnx"))
    #expect(files.names == ["outside.onnx", "outside.bin"] && !files.opensFolder)
    #expect(try InputFiles(model: fixture("layers.onnx")).names == ["layers.onnx"])
    let folder = try TemporaryFolder()
    var model = try ONNXModel(contentsOf: fixture("outside.onnx"))
    for index in model.graphProto.initializer.indices {
      for entry in model.graphProto.initializer[index].externalData.indices
      where model.graphProto.initializer[index].externalData[entry].key == "location" {
        model.graphProto.initializer[index].externalData[entry].value = "../outside.bin"
      }
    }
    var message = model.proto
    message.graph = model.graphProto
    let path = try folder.write(message.serializedData(), to: "m.onnx")
    guard case .externalData? = modelError({ _ = try InputFiles(model: path) }) else {
      Issue.record("a location outside of the folder was taken")
      return
    }
  }

  @Test("a model that one message cannot hold is written with its tensors outside")
  func tooLarge() throws {
    var model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    model.graphProto.initializer.append(
      ONNXTensorProto(name: "large", type: .float32, shape: [1000], elements: [Float](repeating: 3, count: 1000)))
    model.graphProto.node[0].input[2] = "large"
    let folder = try TemporaryFolder()
    try model.write(to: folder.file("m.onnx"), largestMessage: 2000)
    #expect(try folder.contents == ["m.onnx", "m.onnx.data"])
    let graph = try ONNXModel(contentsOf: folder.file("m.onnx")).graph()
    #expect(graph.constant("large")?.array(of: Float.self) == [Float](repeating: 3, count: 1000))
  }

  /// outside.onnx with another entry in the description of one tensor, in a folder with its data.
  private func error(_ key: String, _ value: String, prepare: (TemporaryFolder) throws -> Void = { _ in }) throws
    -> ModelError?
  {
    let folder = try TemporaryFolder()
    try FileManager.default.copyItem(atPath: fixture("outside.bin"), toPath: folder.file("outside.bin"))
    var model = try ONNXModel(contentsOf: fixture("outside.onnx"))
    let index = try #require(model.graphProto.initializer.firstIndex { $0.name == "gemm.weight" })
    let entry = model.graphProto.initializer[index].externalData.firstIndex { $0.key == key }
    model.graphProto.initializer[index].externalData[try #require(entry)].value = value
    var message = model.proto
    message.graph = model.graphProto
    let path = try folder.write(message.serializedData(), to: "m.onnx")
    try prepare(folder)
    return modelError { _ = try ONNXModel(contentsOf: path).graph() }
  }

  @Test(
    "a location outside the model's folder, or none, is refused",
    arguments: ["/etc/passwd", "../outside.bin", "a/../../outside.bin", "", "missing.bin", ".", "out\u{0}side.bin"])
  func locations(location: String) throws {
    guard case .externalData(_, "gemm.weight", _)? = try error("location", location) else {
      Issue.record("\(location) was accepted")
      return
    }
  }

  @Test(
    "an offset or length that the file or the shape contradicts is refused",
    arguments: [
      ("offset", "-1"), ("offset", "1000000"), ("offset", "9223372036854775807"), ("offset", "x"), ("length", "83"),
      ("length", "-84"), ("offset", "464"),
    ])
  func ranges(key: String, value: String) throws {
    guard case .externalData(_, "gemm.weight", _)? = try error(key, value) else {
      Issue.record("\(key) \(value) was accepted")
      return
    }
  }

  @Test("a symbolic link that leaves the folder is refused, one inside is followed")
  func links() throws {
    let escape = try error("location", "link.bin") { folder in
      try FileManager.default.createSymbolicLink(
        atPath: folder.file("link.bin"), withDestinationPath: fixture("outside.bin"))
    }
    guard case .externalData(_, "gemm.weight", let reason)? = escape, reason.contains("link") else {
      Issue.record("\(String(describing: escape))")
      return
    }
    let inside = try error("location", "link.bin") { folder in
      try FileManager.default.createSymbolicLink(
        atPath: folder.file("link.bin"), withDestinationPath: "outside.bin")
    }
    #expect(inside == nil)
  }

  @Test("a result that cannot be written leaves nothing behind")
  func notWritten() throws {
    let folder = try TemporaryFolder()
    try FileManager.default.createDirectory(atPath: folder.file("taken.onnx"), withIntermediateDirectories: false)
    let model = try ONNXModel(contentsOf: fixture("layers.onnx"))
    for path in [folder.file("taken.onnx"), folder.file("no/such/folder.onnx")] {
      guard case .notWritten(path, _)? = modelError({ try model.write(to: path) }) else {
        Issue.record("\(path)")
        continue
      }
    }
    #expect(try folder.contents == ["taken.onnx"])
  }
}
