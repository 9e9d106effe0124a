internal import Foundation
import Graphs

extension ONNXModel {
  /// Folds each BatchNormalization into the convolution or Gemm before it, whose output nobody else reads, and returns
  /// the names of the nodes that took one in.
  ///
  /// y = (conv(x) - mean) * s + shift with s = scale / sqrt(variance + epsilon) is a convolution with weights W * s and
  /// bias (b - mean) * s + shift. The arithmetic is in float64, rounded once to the type of the weight. The result keeps
  /// the name of BatchNormalization's output; the new weight is called `W_folded`, so that a weight `W` that other nodes
  /// read too stays as it is.
  @discardableResult
  public mutating func foldBatchNormalizations() throws(ModelError) -> [String] {
    let readers = readerCounts()
    let sources = constantSources()
    var producers: [String: Int] = [:]
    for (index, node) in graphProto.node.enumerated() {
      for output in node.output where !output.isEmpty { producers[output] = index }
    }
    var removedNodes = Set<Int>()
    var replaced = Set<String>()
    var touched: [String] = []
    var names = graphProto.allValueNames
    for index in graphProto.node.indices {
      let normalization = graphProto.node[index]
      guard normalization.opType == "BatchNormalization", Self.isStandard(domain: normalization.domain),
        normalization.input.count == 5, normalization.attribute("training_mode")?.i ?? 0 == 0,
        let producer = producers[normalization.input[0]], readers[normalization.input[0]] == 1,
        normalization.output.dropFirst().allSatisfy({ readers[$0] == nil })
      else { continue }
      var layer = graphProto.node[producer]
      guard Self.isStandard(domain: layer.domain), layer.input.count >= 2,
        let weightSource = sources[layer.input[1]]
      else { continue }
      let weight = try tensor(weightSource)
      guard let channels = Self.channels(of: layer, weightShape: weight.shape), let weights = weight.doubleValues,
        let fold = try affine(of: normalization, sources, channels: channels.count)
      else { continue }
      guard let bias = try foldableBias(of: layer, sources, channels: channels.count) else { continue }

      // The file's tensors stay as they are until the end, because `sources` points into them.
      let weightName = layer.input[1]
      layer.input[1] = Self.unique("\(weightName)_folded", in: &names)
      replaced.insert(weightName)
      let scaled = weights.indices.map { weights[$0] * fold.scales[channels.channel(of: $0)] }
      graphProto.initializer.append(
        Self.floatTensor(name: layer.input[1], scaled, shape: weight.shape, type: weight.elementType))

      let biasName = layer.inputName(2)
      let newBias = ONNXModel.unique("\(layer.name)_bias", in: &names)
      layer.setInput(2, newBias)
      if !biasName.isEmpty { replaced.insert(biasName) }
      let shifted = bias.indices.map { bias[$0] * fold.scales[$0] + fold.shifts[$0] }
      graphProto.initializer.append(
        Self.floatTensor(name: newBias, shifted, shape: [channels.count], type: weight.elementType))
      if layer.opType == "Gemm" { _ = layer.removeAttribute("beta") }  // the bias has it now

      layer.output[0] = normalization.output[0]
      graphProto.node[producer] = layer
      removedNodes.insert(index)
      replaced.formUnion(normalization.input[1...])
      touched.append(layer.name)
    }
    guard !touched.isEmpty else { return [] }
    let kept = graphProto.node.indices.filter { !removedNodes.contains($0) }
    // A folded node writes what its BatchNormalization wrote; it runs earlier, which no reader minds.
    graphProto.node = kept.map { graphProto.node[$0] }
    allowInitializersThatAreNoInputs()
    removeUnread(replaced)
    return touched
  }

  /// Scale and shift of each channel that BatchNormalization applies; nil if its parameters are not constant.
  private func affine(
    of node: ONNXNodeProto, _ sources: [String: ConstantSource], channels: Int
  ) throws(ModelError) -> (scales: [Double], shifts: [Double])? {
    var parameters: [[Double]] = []
    for name in node.input[1...] {
      guard let source = sources[name], let values = try tensor(source).doubleValues, values.count == channels
      else { return nil }
      parameters.append(values)
    }
    let epsilon = Double(node.attribute("epsilon")?.f ?? 1e-5)
    let (scale, shift, mean, variance) = (parameters[0], parameters[1], parameters[2], parameters[3])
    let scales = (0..<channels).map { scale[$0] / (variance[$0] + epsilon).squareRoot() }
    let shifts = (0..<channels).map { shift[$0] - mean[$0] * scales[$0] }
    guard scales.allSatisfy(\.isFinite), shifts.allSatisfy(\.isFinite) else { return nil }
    return (scales, shifts)
  }

  /// The bias of each channel as it is added, or nil if it is not constant or not one value per channel.
  private func foldableBias(
    of node: ONNXNodeProto, _ sources: [String: ConstantSource], channels: Int
  ) throws(ModelError) -> [Double]? {
    let name = node.inputName(2)
    guard !name.isEmpty else { return [Double](repeating: 0, count: channels) }
    guard let source = sources[name] else { return nil }
    let tensor = try tensor(source)
    let beta = node.opType == "Gemm" ? Double(node.attribute("beta")?.f ?? 1) : 1
    guard tensor.shape.dropLast().allSatisfy({ $0 == 1 }), let values = tensor.doubleValues else { return nil }
    if values.count == channels { return values.map { $0 * beta } }
    return values.count == 1 ? [Double](repeating: values[0] * beta, count: channels) : nil
  }

  /// Which output channel each element of a weight belongs to; nil if `node` has no such weight.
  static func channels(of node: ONNXNodeProto, weightShape shape: [Int]) -> WeightChannels? {
    switch node.opType {
    case "Conv":
      guard shape.count >= 3 else { return nil }
      return WeightChannels(shape: shape, axis: 0, groups: 1)
    case "ConvTranspose":
      let groups = Int(node.attribute("group")?.i ?? 1)
      guard shape.count >= 3, groups > 0, shape[0] % groups == 0 else { return nil }
      return WeightChannels(shape: shape, axis: 1, groups: groups)
    case "Gemm":
      guard shape.count == 2 else { return nil }
      return WeightChannels(shape: shape, axis: node.attribute("transB")?.i ?? 0 != 0 ? 0 : 1, groups: 1)
    default: return nil
    }
  }
}
