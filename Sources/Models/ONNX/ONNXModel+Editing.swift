internal import Foundation
import Graphs

extension ONNXModel {
  /// How often each value is read: by nodes, and as an output of the graph.
  func readerCounts() -> [String: Int] {
    var counts: [String: Int] = [:]
    for node in graphProto.node {
      for input in node.input where !input.isEmpty { counts[input, default: 0] += 1 }
    }
    for output in graphProto.output { counts[output.name, default: 0] += 1 }
    return counts
  }

  /// The tensors of initializers and Constant nodes by name.
  func constantSources() -> [String: ConstantSource] {
    var sources: [String: ConstantSource] = [:]
    for (index, tensor) in graphProto.initializer.enumerated() { sources[tensor.name] = .initializer(index) }
    for (index, node) in graphProto.node.enumerated() where node.opType == "Constant" {
      if let output = node.output.first { sources[output] = .node(index) }
    }
    return sources
  }

  /// Where a constant is stored.
  enum ConstantSource {
    /// An index of `graph.initializer`.
    case initializer(Int)
    /// A Constant node: an index of `graph.node`.
    case node(Int)
  }

  /// The tensor behind `source`.
  func tensor(_ source: ConstantSource) throws(ModelError) -> Tensor {
    switch source {
    case .initializer(let index): try reader.tensor(graphProto.initializer[index])
    case .node(let index): try constant(of: graphProto.node[index])
    }
  }

  /// Makes new initializers possible without listing them as inputs, which files before version 4 must do.
  mutating func allowInitializersThatAreNoInputs() {
    guard proto.irVersion < 4 else { return }
    let initializers = Set(graphProto.initializer.map(\.name))
    graphProto.input.removeAll { initializers.contains($0.name) }
    proto.irVersion = 4
  }

  /// Removes the constants `names` that nothing reads any more: initializers, their entries in the graph's inputs, and
  /// Constant nodes.
  mutating func removeUnread(_ names: Set<String>) {
    let counts = readerCounts()
    let unread = names.filter { counts[$0] == nil }
    removeConstants(unread)
  }

  /// Removes the constants `names` wherever they are stored.
  mutating func removeConstants(_ names: Set<String>) {
    guard !names.isEmpty else { return }
    graphProto.initializer.removeAll { names.contains($0.name) }
    graphProto.input.removeAll { names.contains($0.name) }
    graphProto.node.removeAll { $0.opType == "Constant" && names.contains($0.output.first ?? "") }
  }

  /// The nodes' indices by name.
  func nodeIndices() -> [String: Int] {
    Dictionary(graphProto.node.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
  }

  /// Replaces or adds the entry `key` of the model's metadata.
  mutating func setMetadata(_ key: String, _ value: String) {
    if let index = proto.metadataProps.firstIndex(where: { $0.key == key }) {
      proto.metadataProps[index].value = value
    } else {
      proto.metadataProps.append(ONNXStringStringEntryProto(key: key, value: value))
    }
  }

  /// An initializer with `values`, each rounded once to `type` (a floating-point type).
  static func floatTensor(
    name: String, _ values: [Double], shape: [Int], type: ElementType
  ) -> ONNXTensorProto {
    switch type {
    case .float64: ONNXTensorProto(name: name, type: .float64, shape: shape, elements: values)
    case .float16: ONNXTensorProto(name: name, type: .float16, shape: shape, elements: values.map { Float16($0) })
    case .bfloat16:
      ONNXTensorProto(name: name, type: .bfloat16, shape: shape, elements: values.map { Float($0).bfloat16Bits })
    default: ONNXTensorProto(name: name, type: .float32, shape: shape, elements: values.map { Float($0) })
    }
  }
}
