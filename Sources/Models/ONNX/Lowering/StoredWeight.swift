/// How a file stores a weight that is quantized already.
public struct StoredWeight: Sendable, Hashable {
  /// Bits of a code, as `rankwise.bits` in the file's metadata says, or else those of the stored type.
  public var bits: Int
  /// ONNX's name for the type of the stored integers: `int8`, `uint8`, `int4`, `uint4`, ...
  public var storage: String
  /// Whether zero points are stored.
  public var hasZeroPoints: Bool
  /// Which elements share a scale.
  public var granularity: QuantizedWeight.Granularity
  /// The weight's shape.
  public var shape: [Int]
  /// Bytes of codes, scales and zero points in the file.
  public var byteCount: Int
}

extension ONNXModel {
  /// The weights that DequantizeLinear nodes compute from constants, by the names that the graph has for the results.
  public func quantizedWeights() -> [String: StoredWeight] {
    var tensors: [String: ONNXTensorProto] = [:]
    for tensor in graphProto.initializer { tensors[tensor.name] = tensor }
    for node in graphProto.node where node.opType == "Constant" {
      if let output = node.output.first, let value = node.attribute("value") { tensors[output] = value.t }
    }
    let metadata = Dictionary(
      proto.metadataProps.map { ($0.key, $0.value) }, uniquingKeysWith: { first, _ in first })
    var result: [String: StoredWeight] = [:]
    var reshaped: [String: String] = [:]
    for node in graphProto.node where node.opType == "Reshape" {
      if let output = node.output.first { reshaped[node.inputName(0)] = output }
    }
    for node in graphProto.node where node.opType == "DequantizeLinear" {
      guard let output = node.output.first.map({ reshaped[$0] ?? $0 }), let codes = tensors[node.inputName(0)],
        let scales = tensors[node.inputName(1)], let type = ONNXDataType(rawValue: codes.dataType)
      else { continue }
      let parts = [codes, scales] + [tensors[node.inputName(2)]].compactMap { $0 }
      let stored = (metadata["rankwise.bits.\(output)"] ?? metadata["rankwise.bits"]).flatMap { Int($0) }
      let axis = node.attribute("axis").map { Int($0.i) } ?? 1
      let blockSize = node.attribute("block_size").map { Int($0.i) } ?? 0
      result[output] = StoredWeight(
        bits: stored ?? type.bitCount ?? 0, storage: "\(type)", hasZeroPoints: parts.count == 3,
        granularity: blockSize > 0
          ? .blocked(axis: axis, blockSize: blockSize) : scales.dims.isEmpty ? .perTensor : .perAxis(axis),
        shape: codes.dims.map(Int.init), byteCount: parts.compactMap { try? reader.rawByteCount(of: $0) }.reduce(0, +))
    }
    return result
  }
}
