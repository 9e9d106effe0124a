import Graphs

extension ONNXModel {
  /// Replaces floating-point weights by integers with a DequantizeLinear node before their reader.
  ///
  /// If all readers of a weight `W` get the same values, DequantizeLinear writes `W` itself and the readers stay as they
  /// are; otherwise they read `W_dequantized`. The new tensors are `W_quantized`, `W_scale` and `W_zero_point`. A floating-point
  /// tensor that nothing reads any more is removed. The model is upgraded to operator set 13, or 21 for packed or
  /// blocked weights. `method` is put into the metadata as `rankwise.method`, the bits as `rankwise.bits` with
  /// exceptions under `rankwise.bits.W`. Throws `doesNotFit` if a weight does not exist, is not a constant of
  /// floating-point numbers, or has other counts; the model is unchanged then.
  public mutating func quantize(
    _ weights: [QuantizedWeight], storage: WeightStorage, method: String
  ) throws(ModelError) {
    guard !weights.isEmpty else { return }
    var model = self
    let isBlocked = weights.contains { weight in
      switch weight.granularity {
      case .blocked, .blockedMatrix: true
      case .perTensor, .perAxis: false
      }
    }
    try model.upgrade(toOpset: storage == .packed || isBlocked ? 21 : 13)
    try model.replace(weights, storage)
    model.setMetadata("rankwise.method", method)
    model.recordBits(weights)
    self = model
  }

  private mutating func replace(_ weights: [QuantizedWeight], _ storage: WeightStorage) throws(ModelError) {
    let sources = constantSources()
    let nodeIndices = nodeIndices()
    let readers = readerCounts()
    var names = graphProto.allValueNames
    var nodeNames = Set(graphProto.node.map(\.name))
    var inserted: [Int: [ONNXNodeProto]] = [:]  // by the index of the node that they come before
    var added: [ONNXTensorProto] = []
    var replaced = Set<String>()
    var rest = weights[...]
    var groups: [String: [QuantizedWeight]] = [:]
    for weight in weights { groups[weight.weight, default: []].append(weight) }

    while let first = rest.popFirst() {
      guard let group = groups.removeValue(forKey: first.weight) else { continue }  // came with an earlier one
      let original = try floatWeight(first.weight, sources)
      // Equal values are stored once, whatever the number of readers.
      var variants: [(weight: QuantizedWeight, readers: [Int])] = []
      for weight in group {
        try check(weight, shape: original.shape)
        guard let node = nodeIndices[weight.node], graphProto.node[node].input.contains(weight.weight) else {
          throw .doesNotFit(name: weight.weight, reason: "there is no node \(weight.node) that reads it")
        }
        if let known = variants.firstIndex(where: { $0.weight.hasSameValues(as: weight) }) {
          if !variants[known].readers.contains(node) { variants[known].readers.append(node) }
        } else {
          variants.append((weight, [node]))
        }
      }
      let replacedReads = variants.reduce(0) { sum, variant in
        sum + variant.readers.reduce(0) { $0 + graphProto.node[$1].input.count { $0 == first.weight } }
      }
      let keepsName = variants.count == 1 && replacedReads == readers[first.weight]
      for variant in variants {
        let output = keepsName ? first.weight : Self.unique("\(first.weight)_dequantized", in: &names)
        let tensors = QuantizedTensors(
          variant.weight, shape: original.shape, elementType: original.elementType, storage: storage,
          names: (
            Self.unique("\(first.weight)_quantized", in: &names), Self.unique("\(first.weight)_scale", in: &names),
            variant.weight.isSymmetric ? "" : Self.unique("\(first.weight)_zero_point", in: &names)
          ), output: output, nodeName: Self.unique("\(first.weight)_DequantizeLinear", in: &nodeNames))
        added += tensors.initializers
        var nodes = [tensors.node]
        if case .blockedMatrix = variant.weight.granularity {
          let matrix = Self.unique("\(first.weight)_matrix", in: &names)
          let shape = Self.unique("\(first.weight)_shape", in: &names)
          nodes[0].output = [matrix]
          nodes.append(
            ONNXNodeProto(
              "Reshape", name: Self.unique("\(first.weight)_Reshape", in: &nodeNames), inputs: [matrix, shape],
              outputs: [output]))
          added.append(
            ONNXTensorProto(
              name: shape, type: .int64, shape: [original.shape.count], elements: original.shape.map { Int64($0) }))
        }
        inserted[variant.readers.min()!, default: []] += nodes
        for reader in variant.readers {
          for index in graphProto.node[reader].input.indices
          where graphProto.node[reader].input[index] == first.weight {
            graphProto.node[reader].input[index] = output
          }
        }
      }
      if keepsName { replaced.insert(first.weight) } else { replaced.formUnion(unreadAfterReplacing(first.weight)) }
    }

    allowInitializersThatAreNoInputs()
    var nodes: [ONNXNodeProto] = []
    for (index, node) in graphProto.node.enumerated() {
      nodes += inserted[index] ?? []
      nodes.append(node)
    }
    graphProto.node = nodes
    removeConstants(replaced)
    graphProto.initializer += added
  }

  /// `name` if no node and no output reads it.
  private func unreadAfterReplacing(_ name: String) -> [String] {
    let isRead =
      graphProto.output.contains { $0.name == name } || graphProto.node.contains { $0.input.contains(name) }
    return isRead ? [] : [name]
  }

  /// The weight `name` before quantization.
  private func floatWeight(_ name: String, _ sources: [String: ConstantSource]) throws(ModelError) -> Tensor {
    guard let source = sources[name] else {
      let isQuantized = graphProto.node.contains { $0.opType == "DequantizeLinear" && $0.output.first == name }
      throw .doesNotFit(
        name: name,
        reason: isQuantized
          ? "the weight is quantized already; start from the floating-point model" : "there is no such constant")
    }
    let tensor = try tensor(source)
    switch tensor.elementType {
    case .float32, .float16, .bfloat16: return tensor
    default: throw .doesNotFit(name: name, reason: "a weight of type \(tensor.elementType) cannot be quantized")
    }
  }

  /// Throws `doesNotFit` unless counts and ranges of `weight` are right for a tensor of `shape`.
  private func check(_ weight: QuantizedWeight, shape: [Int]) throws(ModelError) {
    let refusal = { (reason: String) -> ModelError in .doesNotFit(name: weight.weight, reason: reason) }
    guard (2...8).contains(weight.bits) else { throw refusal("\(weight.bits) bits are not 2 to 8") }
    guard let scaleShape = weight.scaleShape(weightShape: shape) else {
      throw refusal("\(weight.granularity) does not fit the shape \(shape)")
    }
    let count = shape.reduce(1, *)
    guard weight.codes.count == count else { throw refusal("\(weight.codes.count) codes for \(count) weights") }
    let scaleCount = scaleShape.reduce(1, *)
    guard weight.scales.count == scaleCount, weight.zeroPoints.count == scaleCount else {
      throw refusal(
        "\(weight.scales.count) scales and \(weight.zeroPoints.count) zero points where \(scaleCount) belong")
    }
    let largest = UInt8((1 << weight.bits) - 1)
    guard weight.codes.allSatisfy({ $0 <= largest }), weight.zeroPoints.allSatisfy({ $0 <= largest }) else {
      throw refusal("a code or zero point exceeds \(largest), the largest of \(weight.bits) bits")
    }
    guard !weight.isSymmetric || weight.zeroPoints.allSatisfy({ $0 == UInt8(1 << (weight.bits - 1)) }) else {
      throw refusal("a symmetric weight has a zero point other than \(1 << (weight.bits - 1))")
    }
    guard weight.scales.allSatisfy({ $0.isFinite && $0 >= 0 }) else {
      throw refusal("a scale is negative, infinite or not a number")
    }
  }

  /// Notes the bits: the commonest for all, and what differs from it by name.
  private mutating func recordBits(_ weights: [QuantizedWeight]) {
    let counts = Dictionary(weights.map { ($0.bits, 1) }, uniquingKeysWith: +)
    let common = counts.max { ($0.value, -$0.key) < ($1.value, -$1.key) }!.key
    setMetadata("rankwise.bits", "\(common)")
    for weight in weights where weight.bits != common {
      setMetadata("rankwise.bits.\(weight.weight)", "\(weight.bits)")
    }
  }
}
