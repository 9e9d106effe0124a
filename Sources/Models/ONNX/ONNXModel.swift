internal import Foundation
import Graphs
internal import SwiftProtobuf

/// A model in ONNX's file format: read, changed in place, and written back with everything else as it was.
///
/// Operator sets 9 to 25 are read. Copies are cheap: they share the weights until one is changed.
public struct ONNXModel: Sendable {
  /// The file that the model was read from.
  public let path: String
  /// The message without its graph.
  var proto: ONNXModelProto
  /// The message's graph, kept apart because a message within a message is copied when it is changed in place. Node
  /// names are unique and not empty (`restoredNames` has what the file said).
  var graphProto: ONNXGraphProto
  /// What the file calls the nodes that were given another name here.
  var restoredNames: [String: String] = [:]
  /// Tensors outside the file.
  let external: ExternalFiles
  /// Whether the file that was read keeps tensors outside.
  let hasExternalData: Bool

  /// The operator sets that can be read.
  public static let supportedOpsets = 9...25

  /// Reads the model at `path`; external data is mapped when it is first used.
  ///
  /// Throws `ModelError` if the file is unreadable, not ONNX, or uses an operator set outside `supportedOpsets`.
  /// Operators are not checked before `graph()`.
  public init(contentsOf path: String) throws(ModelError) {
    let file = try MappedFile(path: path)
    defer { withExtendedLifetime(file) {} }
    do {
      proto = try ONNXModelProto(serializedBytes: file.data)
    } catch {
      throw .malformed(path: path, reason: "it is not an ONNX model (\(error))")
    }
    graphProto = proto.graph
    proto.clearGraph()
    guard !graphProto.output.isEmpty else {
      throw .malformed(path: path, reason: "it is not an ONNX model: it has no graph or no outputs")
    }
    self.path = path
    external = ExternalFiles(modelPath: path)
    hasExternalData =
      graphProto.initializer.contains { $0.dataLocation == .external }
      || graphProto.node.contains { node in node.attribute.contains { $0.t.dataLocation == .external } }
    guard graphProto.sparseInitializer.isEmpty else {
      throw .unsupported(path: path, reason: "sparse initializers; convert them to dense ones")
    }
    guard let opset = proto.opsetImport.first(where: { Self.isStandard(domain: $0.domain) }) else {
      throw .malformed(path: path, reason: "it imports no operator set of ONNX")
    }
    guard Self.supportedOpsets.contains(Int(opset.version)) else {
      throw .unsupported(
        path: path,
        reason: "operator set \(opset.version); \(Self.supportedOpsets.lowerBound) to "
          + "\(Self.supportedOpsets.upperBound) can be read")
    }
    nameNodes()
  }

  /// The version of ONNX's operator set that the model uses.
  public var opset: Int { Int(proto.opsetImport.first { Self.isStandard(domain: $0.domain) }!.version) }

  /// The version of the file format.
  public var irVersion: Int { Int(proto.irVersion) }

  /// The program that made the model, with its version; empty if it does not say.
  public var producer: String {
    [proto.producerName, proto.producerVersion].filter { !$0.isEmpty }.joined(separator: " ")
  }

  /// Whether `domain` is the one of ONNX's own operators.
  static func isStandard(domain: String) -> Bool { domain.isEmpty || domain == "ai.onnx" }

  /// Reads tensors of this model.
  var reader: TensorReader { TensorReader(path: path, external: external) }

  /// Gives every node a name of its own, the same on every reading: errors and `QuantizedWeight.node` refer to it.
  private mutating func nameNodes() {
    var taken = Set(graphProto.node.map(\.name))
    var seen = Set<String>()
    for index in graphProto.node.indices {
      let name = graphProto.node[index].name
      if !name.isEmpty, seen.insert(name).inserted { continue }
      let made = Self.unique(name.isEmpty ? "\(graphProto.node[index].opType)_\(index)" : name, in: &taken)
      restoredNames[made] = name
      graphProto.node[index].name = made
      seen.insert(made)
    }
  }

  /// `name`, or `name` with the first number that makes it new; adds it to `taken`.
  static func unique(_ name: String, in taken: inout Set<String>) -> String {
    var candidate = name
    var number = 1
    while !taken.insert(candidate).inserted {
      candidate = "\(name)_\(number)"
      number += 1
    }
    return candidate
  }
}
