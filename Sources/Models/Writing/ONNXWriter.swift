import Graphs

/// Writes an ONNX model with DequantizeLinear nodes in front of its quantized layers.
struct ONNXWriter: QuantizedModelWriter {
  let model: ONNXModel
  /// The layers that will be written.
  let forms: [SolvedLayer.Form]
  let options: WritingOptions

  var summary: String { "ONNX, \(options.storage.rawValue)" }

  /// The file is one message, which is in memory as a whole when it is written, codes and all.
  func write(_ layers: any SolvedLayers) throws(ModelError) {
    precondition(layers.count == forms.count, "\(layers.count) layers, \(forms.count) were announced")
    var model = model
    var weights: [QuantizedWeight] = []
    for (index, form) in forms.enumerated() {
      let layer = SolvedLayer(
        form: form, codes: try layers.codes(index), scales: try layers.scales(index),
        zeroPoints: try layers.zeroPoints(index), bias: try layers.bias(index))
      if let bias = layer.bias { try model.setBias(node: form.node, values: bias) }
      weights.append(QuantizedWeight(layer))
    }
    try model.quantize(weights, storage: options.storage, method: options.method)
    weights = []
    try model.write(to: options.path)
  }

  func storedByteCount(_ form: SolvedLayer.Form) -> Int {
    let (codes, scales) = (form.layer.rows * form.layer.columns, form.layer.rows * form.groupCount)
    let isPacked = options.storage == .packed && form.bits <= 4
    return (isPacked ? (codes + 1) / 2 : codes) + scales * (form.isSymmetric ? 4 : 5)
  }
}

extension QuantizedWeight {
  /// The layer's codes in the order of its weight tensor.
  init(_ solved: SolvedLayer) {
    let (form, layer) = (solved.form, solved.form.layer)
    self.init(
      weight: layer.name, node: form.node, codes: layer.tensorOrder(solved.codes), bits: form.bits,
      isSymmetric: form.isSymmetric, scales: form.storedOrder(solved.scales),
      zeroPoints: form.storedOrder(solved.zeroPoints), granularity: form.storedGranularity)
  }
}

extension SolvedLayer.Form {
  /// Which elements of the weight tensor share a scale.
  fileprivate var storedGranularity: QuantizedWeight.Granularity {
    switch granularity {
    case .tensor: .perTensor
    case .channel: .perAxis(layer.channelAxis)
    case .group(let size) where (layer.unfolding?.kernel.reduce(1, *) ?? 1) > 1:
      .blockedMatrix(blockSize: min(size, layer.columns))
    case .group(let size): .blocked(axis: 1 - layer.channelAxis, blockSize: min(size, layer.columns))
    }
  }

  /// Scales or zero points, rows x groups, in the order in which the written model has them.
  fileprivate func storedOrder<Element: BitwiseCopyable>(_ values: [Element]) -> [Element] {
    switch (granularity, layer.layout) {
    case (.tensor, _): [values[0]]
    case (.group, .columnMajor): BitStream.transposed(values, rows: layer.rows, columns: groupCount)
    default: values
    }
  }
}
