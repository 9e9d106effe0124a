internal import Foundation
import Graphs

/// Builds a graph from a model whose nodes are sorted and in operator set 21.
struct Lowering {
  /// The model; all its nodes are known operators.
  let model: ONNXModel
  private var values: [Value] = []
  private var identifiers: [String: ValueID] = [:]
  private var constants: [ValueID: Tensor] = [:]
  private var initializers: [String: ONNXTensorProto] = [:]
  private var nodes: [Node] = []

  /// Prepares the lowering of `model`.
  init(model: ONNXModel) { self.model = model }

  /// The graph.
  mutating func run() throws(ModelError) -> Graph {
    let graph = model.graphProto
    for tensor in graph.initializer {
      guard initializers.updateValue(tensor, forKey: tensor.name) == nil else {
        throw .malformed(path: model.path, reason: "there are two initializers called \(tensor.name)")
      }
    }
    for info in graph.input + graph.output + graph.valueInfo { declare(info) }
    let inputs = graph.input.filter { initializers[$0.name] == nil }.map { identifiers[$0.name]! }
    for proto in graph.node {
      if proto.opType == "Constant" {
        try addConstant(proto)
      } else if try !foldDequantization(proto), try !foldReshape(proto) {
        try addNode(proto)
      }
    }
    var outputs: [ValueID] = []
    for info in graph.output { outputs.append(try value(info.name)) }
    return Graph(
      name: graph.name, values: values, inputs: inputs, outputs: outputs, nodes: nodes, constants: constants)
  }

  /// Records what the model says of a value.
  private mutating func declare(_ info: ONNXValueInfoProto) {
    guard identifiers[info.name] == nil else { return }
    identifiers[info.name] = values.count
    let tensor = info.type.tensorType
    // Negative lengths and zeros stand for open dimensions in files of older exporters.
    let shape = tensor.shape.dim.map { $0.dimValue > 0 ? Int($0.dimValue) : nil }
    values.append(
      Value(
        name: info.name, elementType: ONNXDataType(rawValue: tensor.elemType)?.elementType,
        shape: tensor.hasShape ? shape : nil))
  }

  /// The identifier of the value `name`; an initializer becomes a constant when it is first read.
  private mutating func value(_ name: String) throws(ModelError) -> ValueID {
    let identifier: ValueID
    if let known = identifiers[name] {
      identifier = known
    } else {
      identifier = values.count
      identifiers[name] = identifier
      values.append(Value(name: name))
    }
    if constants[identifier] == nil, let proto = initializers[name] {
      setConstant(identifier, try model.reader.tensor(proto))
    }
    return identifier
  }

  private mutating func setConstant(_ identifier: ValueID, _ tensor: Tensor) {
    constants[identifier] = tensor
    values[identifier].elementType = tensor.elementType
    values[identifier].shape = tensor.shape
  }

  private mutating func addConstant(_ proto: ONNXNodeProto) throws(ModelError) {
    guard let output = proto.output.first, !output.isEmpty else {
      throw .malformed(path: model.path, reason: "node \(proto.name) (Constant) has no output")
    }
    let tensor = try model.constant(of: proto)
    setConstant(try value(output), tensor)
  }

  /// Replaces Reshape of a constant by the constant in its new shape; false if `proto` is something else, or not to be
  /// decided here (a length that is inferred or copied).
  private mutating func foldReshape(_ proto: ONNXNodeProto) throws(ModelError) -> Bool {
    guard proto.opType == "Reshape", proto.input.count == 2, let output = proto.output.first,
      let data = constants[try value(proto.input[0])], let shape = constants[try value(proto.input[1])],
      shape.elementType == .int64
    else { return false }
    let lengths = shape.array(of: Int64.self).map { Int($0) }
    guard lengths.allSatisfy({ $0 > 0 }), checkedProduct(lengths) == data.count else { return false }
    setConstant(try value(output), data.reshaped(lengths))
    return true
  }

  /// Replaces DequantizeLinear of constants by the constant it computes; false if `proto` is something else.
  private mutating func foldDequantization(_ proto: ONNXNodeProto) throws(ModelError) -> Bool {
    guard proto.opType == "DequantizeLinear", let output = proto.output.first else { return false }
    var inputs: [Tensor] = []
    for name in proto.input where !name.isEmpty {
      guard let tensor = constants[try value(name)] else { return false }
      inputs.append(tensor)
    }
    guard inputs.count >= 2 else {
      throw .malformed(path: model.path, reason: "node \(proto.name) (DequantizeLinear) has no scale")
    }
    let scheme: Dequantization
    do {
      scheme = try Dequantization(
        shape: inputs[0].shape, scaleShape: inputs[1].shape,
        axis: proto.attribute("axis").map { Int($0.i) } ?? 1,
        blockSize: proto.attribute("block_size").map { Int($0.i) } ?? 0)
    } catch {
      throw .malformed(path: model.path, reason: "node \(proto.name) (DequantizeLinear): \(error.reason)")
    }
    guard let tensor = scheme.apply(inputs[0], scales: inputs[1], zeroPoints: inputs.count > 2 ? inputs[2] : nil)
    else {
      throw .unsupported(
        path: model.path,
        reason: "node \(proto.name): DequantizeLinear of \(inputs.map { "\($0.elementType) \($0.shape)" })")
    }
    setConstant(try value(output), tensor)
    return true
  }

  private mutating func addNode(_ proto: ONNXNodeProto) throws(ModelError) {
    guard let kind = OperatorKind(rawValue: proto.opType) else {
      preconditionFailure("operator \(proto.opType) was not checked")
    }
    var inputs: [ValueID?] = []
    for name in proto.input { inputs.append(name.isEmpty ? nil : try value(name)) }
    var outputs: [ValueID?] = []
    for name in proto.output { outputs.append(name.isEmpty ? nil : try value(name)) }
    while case .some(nil) = inputs.last { inputs.removeLast() }
    var attributes: [String: Graphs.Attribute] = [:]
    for attribute in proto.attribute {
      attributes[attribute.name] = try model.attribute(attribute, of: proto)
    }
    nodes.append(Node(name: proto.name, kind: kind, inputs: inputs, outputs: outputs, attributes: attributes))
  }
}
