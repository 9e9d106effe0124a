import Graphs

/// Writes an ONNX model with DequantizeLinear nodes in front of its quantized layers.
struct ONNXWriter: QuantizedModelWriter {
  let model: ONNXModel
  let options: WritingOptions

  var summary: String { "ONNX, \(options.storage.rawValue)" }

  func write(_ layers: [SolvedLayer]) throws(ModelError) {
    var model = model
    for layer in layers {
      if let bias = layer.bias { try model.setBias(node: layer.form.node, values: bias) }
    }
    try model.quantize(layers.map(QuantizedWeight.init), storage: options.storage, method: options.method)
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
