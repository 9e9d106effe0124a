/// The integers that replace one weight of a model, in the order of the weight tensor itself.
public struct QuantizedWeight: Sendable {
  /// Which elements share a scale and a zero point.
  public enum Granularity: Sendable, Hashable {
    /// One scale for the tensor.
    case perTensor
    /// One scale for each index of an axis.
    case perAxis(Int)
    /// One scale for each `blockSize` consecutive indices of an axis (the last block may be shorter) and each index of
    /// the other axes.
    case blocked(axis: Int, blockSize: Int)
    /// One scale for each `blockSize` consecutive columns (the last block may be shorter) of each row of the tensor seen
    /// as a matrix: the first axis by all others. Stored as that matrix, with a Reshape behind DequantizeLinear.
    case blockedMatrix(blockSize: Int)
  }

  /// The weight's value name in the graph.
  public var weight: String
  /// The name of the node that reads it.
  public var node: String
  /// Codes of 0 ..< 2^bits, one byte each, row-major in the weight tensor's shape: w = (code - zero point) * scale.
  public var codes: [UInt8]
  /// Bits of a code, 2 to 8.
  public var bits: Int
  /// Whether every zero point is 2^(bits - 1), so that none needs to be stored.
  public var isSymmetric: Bool
  /// Scales, row-major: one; one per index of the axis; or the weight's shape with the axis divided into blocks.
  public var scales: [Float]
  /// Zero points, as many as scales, in the range of the codes.
  public var zeroPoints: [UInt8]
  /// Which elements share a scale.
  public var granularity: Granularity

  /// Makes the description of a quantized weight; it is checked when it is put into a model.
  public init(
    weight: String, node: String, codes: [UInt8], bits: Int, isSymmetric: Bool, scales: [Float], zeroPoints: [UInt8],
    granularity: Granularity
  ) {
    (self.weight, self.node, self.codes, self.bits) = (weight, node, codes, bits)
    (self.isSymmetric, self.scales, self.zeroPoints) = (isSymmetric, scales, zeroPoints)
    self.granularity = granularity
  }

  /// Whether two weights are stored as the same tensors.
  func hasSameValues(as other: QuantizedWeight) -> Bool {
    bits == other.bits && isSymmetric == other.isSymmetric && granularity == other.granularity
      && scales == other.scales && zeroPoints == other.zeroPoints && codes == other.codes
  }

  /// The shape of scales and zero points for a weight of `shape`; nil if the axis does not exist or a block is empty.
  func scaleShape(weightShape shape: [Int]) -> [Int]? {
    switch granularity {
    case .perTensor: return []
    case .perAxis(let axis): return shape.indices.contains(axis) ? [shape[axis]] : nil
    case .blocked(let axis, let blockSize):
      guard shape.indices.contains(axis), blockSize > 0 else { return nil }
      var result = shape
      result[axis] = shape[axis] / blockSize + (shape[axis] % blockSize == 0 ? 0 : 1)
      return result
    case .blockedMatrix(let blockSize):
      guard shape.count > 1, blockSize > 0 else { return nil }
      let columns = shape.dropFirst().reduce(1, *)
      return [shape[0], columns / blockSize + (columns % blockSize == 0 ? 0 : 1)]
    }
  }
}

/// How quantized weights are stored in an ONNX file.
public enum WeightStorage: String, Sendable, CaseIterable {
  /// A byte per weight, `int8`: any bit width, operator set 13 (21 if blocked); what integer kernels want.
  case int8
  /// Two weights per byte up to 4 bits (`int4`, or `uint4` if asymmetric); a byte above. Operator set 21.
  case packed
}
