internal import Foundation
import Graphs

extension ONNXModel {
  /// An attribute as the graph has it.
  func attribute(
    _ proto: ONNXAttributeProto, of node: ONNXNodeProto
  ) throws(ModelError) -> Graphs.Attribute {
    switch Self.type(of: proto) {
    case .float: .float(proto.f)
    case .int: .int(Int(proto.i))
    case .string: .string(String(decoding: proto.s, as: UTF8.self))
    case .floats: .floats(proto.floats)
    case .ints: .ints(proto.ints.map(Int.init))
    case .strings: .strings(proto.strings.map { String(decoding: $0, as: UTF8.self) })
    case .tensor: .tensor(try reader.tensor(proto.t))
    case let other:
      throw .unsupported(
        path: path, reason: "attribute \(proto.name) of node \(node.name) (\(node.opType)) has the type \(other)")
    }
  }

  /// The tensor that a Constant node holds, in any of its forms.
  func constant(of node: ONNXNodeProto) throws(ModelError) -> Tensor {
    for attribute in node.attribute {
      switch attribute.name {
      case "value": return try reader.tensor(attribute.t)
      case "value_float": return Tensor(scalar: attribute.f)
      case "value_floats": return Tensor(attribute.floats, shape: [attribute.floats.count])
      case "value_int": return Tensor(scalar: attribute.i)
      case "value_ints": return Tensor(attribute.ints, shape: [attribute.ints.count])
      case "value_string", "value_strings", "sparse_value":
        throw .unsupported(path: path, reason: "node \(node.name): a Constant with \(attribute.name)")
      default: continue
      }
    }
    throw .malformed(path: path, reason: "node \(node.name) is a Constant without a value")
  }

  /// The type of an attribute; the first version of the format did not state it.
  private static func type(of proto: ONNXAttributeProto) -> ONNXAttributeProto.AttributeType {
    if proto.type != .undefined { return proto.type }
    if proto.hasF { return .float }
    if proto.hasI { return .int }
    if proto.hasS { return .string }
    if proto.hasT { return .tensor }
    if proto.hasG { return .graph }
    if !proto.floats.isEmpty { return .floats }
    if !proto.ints.isEmpty { return .ints }
    return proto.strings.isEmpty ? .undefined : .strings
  }
}
