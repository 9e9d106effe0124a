internal import Foundation

extension ONNXModel {
  /// The largest message that protocol buffers can carry, with room for everything but tensors.
  static let largestMessage = Int(Int32.max) - (64 << 20)
  /// Tensors below this size stay in the message even if the others do not.
  static let smallestExternalTensor = 1024
  /// Tensors outside start at multiples of this, so that they can be mapped one by one.
  static let externalAlignment = 4096

  /// Writes the model to `path`, complete or not at all; the same model gives the same bytes.
  ///
  /// Tensors go to a second file, `path` with `.data` behind, if the model that was read had any outside or if one
  /// message cannot hold all. Everything that was read and not changed is written as it was. Throws `notWritten`.
  public func write(to path: String) throws(ModelError) {
    try write(to: path, largestMessage: Self.largestMessage)
  }

  /// `write(to:)` with another limit for the message, for tests.
  func write(to path: String, largestMessage: Int) throws(ModelError) {
    var graph = graphProto
    for index in graph.node.indices {
      if let name = restoredNames[graph.node[index].name] {
        if name.isEmpty { graph.node[index].clearName() } else { graph.node[index].name = name }
      }
    }
    let inside = graph.initializer.reduce(0) { $0 + $1.rawData.count }
    if hasExternalData || inside > largestMessage {
      try writeWithExternalData(&graph, to: path)
    } else {
      var file = try AtomicFile(path: path)
      try file.write(try serialized(graph, path))
      try file.commit()
    }
  }

  private func serialized(_ graph: ONNXGraphProto, _ path: String) throws(ModelError) -> Data {
    var message = proto
    message.graph = graph
    do {
      return try message.serializedData()
    } catch {
      throw .notWritten(path: path, reason: "the model does not fit one message (\(error))")
    }
  }

  private func writeWithExternalData(_ graph: inout ONNXGraphProto, to path: String) throws(ModelError) {
    let location = FilePath.name(of: path) + ".data"
    var data = try AtomicFile(path: path + ".data")
    for index in graph.initializer.indices {
      try moveOutside(&graph.initializer[index], location, &data)
    }
    for node in graph.node.indices {
      for index in graph.node[node].attribute.indices
      where graph.node[node].attribute[index].t.dataLocation == .external {
        try moveOutside(&graph.node[node].attribute[index].t, location, &data)
      }
    }
    // Both files are complete before either gets its name; data first, because the model points at it.
    var model = try AtomicFile(path: path)
    try model.write(try serialized(graph, path))
    try data.commit()
    try model.commit()
  }

  /// Appends the bytes of `tensor` to `data` and points the tensor there; small and typed tensors stay.
  private func moveOutside(
    _ tensor: inout ONNXTensorProto, _ location: String, _ data: inout AtomicFile
  ) throws(ModelError) {
    let isOutside = tensor.dataLocation == .external
    guard isOutside || tensor.rawData.count >= Self.smallestExternalTensor else { return }
    let bytes = try reader.rawBytes(tensor, byteCount: try reader.rawByteCount(of: tensor))
    guard let bytes else { return }
    try data.pad(to: Self.externalAlignment)
    let offset = data.count
    try bytes.withBytes { buffer throws(ModelError) in try data.write(buffer) }
    tensor.clearRawData()
    tensor.dataLocation = .external
    tensor.externalData = [
      ("location", location), ("offset", "\(offset)"), ("length", "\(data.count - offset)"),
    ].map { ONNXStringStringEntryProto(key: $0.0, value: $0.1) }
  }
}

extension ONNXStringStringEntryProto {
  /// An entry.
  init(key: String, value: String) {
    self.init()
    (self.key, self.value) = (key, value)
  }
}
