import Graphs

/// Which scale belongs to which element of a quantized tensor, after DequantizeLinear of ONNX (operator set 21).
///
/// y = (x - zero point) * scale, with one scale for the tensor, for each index of an axis, or for each block of
/// `blockSize` consecutive indices of an axis.
struct Dequantization {
  /// Why scales do not fit a tensor.
  struct Mismatch: Error {
    /// In words.
    let reason: String
  }

  /// The shape of the tensor.
  let shape: [Int]
  /// Elements behind one index of the axis.
  private let inner: Int
  /// Length of the axis.
  private let axisLength: Int
  /// Consecutive indices of the axis that share a scale.
  private let blockSize: Int
  /// Scales along the axis.
  private let blocks: Int
  /// Scales of different elements behind the axis: `inner` if blocked, else 1.
  private let scaleInner: Int
  /// Scales of different indices before the axis: yes if blocked.
  private let scaleOuter: Bool
  /// How many scales there are.
  let scaleCount: Int

  /// Checks that scales of `scaleShape` fit a tensor of `shape`; `blockSize` 0 means not blocked.
  init(shape: [Int], scaleShape: [Int], axis: Int, blockSize: Int) throws(Mismatch) {
    self.shape = shape
    scaleCount = scaleShape.reduce(1, *)
    let axis = axis < 0 ? axis + shape.count : axis
    // A tensor of one scale: a scalar, or (often written, though not in the specification) a list of one.
    if scaleCount == 1, scaleShape.count <= 1, blockSize == 0 {
      (inner, axisLength, self.blockSize, blocks, scaleInner, scaleOuter) = (1, 1, .max, 1, 1, false)
      return
    }
    guard shape.indices.contains(axis) else { throw Mismatch(reason: "axis \(axis) is not one of \(shape)") }
    inner = shape[(axis + 1)...].reduce(1, *)
    axisLength = shape[axis]
    if blockSize == 0 {
      guard scaleShape == [axisLength] else {
        throw Mismatch(reason: "scales of shape \(scaleShape) do not fit axis \(axis) of \(shape)")
      }
      (self.blockSize, blocks, scaleInner, scaleOuter) = (1, axisLength, 1, false)
    } else {
      guard blockSize > 0 else { throw Mismatch(reason: "a block size of \(blockSize)") }
      blocks = axisLength / blockSize + (axisLength % blockSize == 0 ? 0 : 1)
      var expected = shape
      expected[axis] = blocks
      guard scaleShape == expected else {
        throw Mismatch(reason: "scales of shape \(scaleShape) are not \(expected), for blocks of \(blockSize)")
      }
      (self.blockSize, scaleInner, scaleOuter) = (blockSize, inner, true)
    }
  }

  /// The index of the scale of the element at `index` (row-major).
  func scaleIndex(of index: Int) -> Int {
    let (rest, behind) = index.quotientAndRemainder(dividingBy: inner)
    let (before, along) = rest.quotientAndRemainder(dividingBy: axisLength)
    return ((scaleOuter ? before * blocks : 0) + along / blockSize) * scaleInner + behind % scaleInner
  }

  /// The dequantized tensor in the type of the scales, or nil if a type or the zero points do not fit.
  ///
  /// `codes` are int8, uint8, int16, uint16 or int32. The product is formed in float32, as onnxruntime does, and rounded
  /// once to the type of the scales.
  func apply(_ codes: Tensor, scales: Tensor, zeroPoints: Tensor?) -> Tensor? {
    guard let scaleValues = scales.floatValues, let codeValues = codes.integerValues else { return nil }
    var zeroValues = [Int32](repeating: 0, count: scaleCount)
    if let zeroPoints {
      guard zeroPoints.elementType == codes.elementType, zeroPoints.count == scaleCount,
        let values = zeroPoints.integerValues
      else { return nil }
      zeroValues = values
    }
    let result = Tensor(shape: shape, of: Float.self) { (values: UnsafeMutableBufferPointer<Float>) in
      for index in values.indices {
        let scale = scaleIndex(of: index)
        values.initializeElement(at: index, to: Float(codeValues[index] &- zeroValues[scale]) * scaleValues[scale])
      }
    }
    return result.converted(toFloat: scales.elementType)
  }
}
