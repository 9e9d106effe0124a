internal import Foundation
import Graphs

extension ONNXModel {
  /// The constant that the layer `node` adds to each output channel; nil if it adds nothing.
  ///
  /// A Gemm's `beta` is applied. Throws `doesNotFit` if `node` is not a Conv, ConvTranspose or Gemm, or if its bias is
  /// computed or has other dimensions than the channels.
  public func bias(node name: String) throws(ModelError) -> [Float]? {
    let node = try layerNode(name)
    let biasName = node.inputName(2)
    guard !biasName.isEmpty else { return nil }
    guard let source = constantSources()[biasName] else {
      throw .doesNotFit(name: name, reason: "its bias \(biasName) is not a constant")
    }
    let tensor = try tensor(source)
    guard tensor.shape.dropLast().allSatisfy({ $0 == 1 }), let values = tensor.floatValues else {
      throw .doesNotFit(name: name, reason: "its bias is \(tensor.elementType) \(tensor.shape), not one per channel")
    }
    let beta = node.opType == "Gemm" ? node.attribute("beta")?.f ?? 1 : 1
    return values.map { $0 * beta }
  }

  /// Gives the layer `node` (Conv, ConvTranspose or Gemm) the bias `values`, one per output channel, in the element
  /// type of the bias it had or of its input.
  ///
  /// A bias that other nodes read too stays as it is; this node gets one of its own. Throws `doesNotFit` for other
  /// operators.
  public mutating func setBias(node name: String, values: [Float]) throws(ModelError) {
    let index = nodeIndices()[name]
    var node = try layerNode(name)
    let old = node.inputName(2)
    var type = ElementType.float32
    if let source = constantSources()[old] {
      type = try tensor(source).elementType
    } else if let known = ValueFacts(graphProto).floatType(of: node.inputName(0)).elementType {
      type = known
    }
    allowInitializersThatAreNoInputs()
    var names = graphProto.allValueNames
    let isOwn = !old.isEmpty && readerCounts()[old] == 1
    let bias = isOwn ? old : Self.unique("\(name)_bias", in: &names)
    if isOwn { removeConstants([old]) }
    graphProto.initializer.append(
      Self.floatTensor(name: bias, values.map { Double($0) }, shape: [values.count], type: type))
    node.setInput(2, bias)
    if node.opType == "Gemm" { _ = node.removeAttribute("beta") }
    // Removing a Constant node moves those behind it.
    let position = isOwn ? nodeIndices()[name] : index
    graphProto.node[position!] = node
  }

  private func layerNode(_ name: String) throws(ModelError) -> ONNXNodeProto {
    guard let index = nodeIndices()[name] else { throw .doesNotFit(name: name, reason: "there is no such node") }
    let node = graphProto.node[index]
    guard Self.isStandard(domain: node.domain), ["Conv", "ConvTranspose", "Gemm"].contains(node.opType),
      node.input.count >= 2
    else { throw .doesNotFit(name: name, reason: "\(node.opType) has no bias") }
    return node
  }
}
