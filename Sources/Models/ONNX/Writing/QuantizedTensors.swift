internal import Foundation
import Graphs

/// The tensors that store one quantized weight, and the node that computes the weight from them.
struct QuantizedTensors {
  /// Codes, scales, and zero points if the weight is asymmetric.
  var initializers: [ONNXTensorProto]
  /// DequantizeLinear.
  var node: ONNXNodeProto

  /// Stores `weight`, whose counts fit `shape`, for a weight of type `elementType`.
  ///
  /// `names` are those of codes, scales and zero points; `output` and `nodeName` those of the node and its result.
  init(
    _ weight: QuantizedWeight, shape: [Int], elementType: ElementType, storage: WeightStorage,
    names: (codes: String, scales: String, zeroPoints: String), output: String, nodeName: String
  ) {
    let scaleShape = weight.scaleShape(weightShape: shape)!
    // Signed codes have the middle of the range at 0. Packed asymmetric weights are unsigned, as they were computed.
    let isSigned = storage == .int8 || weight.isSymmetric
    let isPacked = storage == .packed && weight.bits <= 4
    let type: ONNXDataType = isPacked ? (isSigned ? .int4 : .uint4) : (isSigned ? .int8 : .uint8)
    let shift = isSigned ? UInt8(1 << (weight.bits - 1)) : 0
    let store = { (name: String, codes: [UInt8], shape: [Int]) in
      let bytes = codes.map { $0 &- shift }
      return ONNXTensorProto(name: name, type: type, shape: shape, elements: isPacked ? Self.packed(bytes) : bytes)
    }
    var codesShape = shape
    if case .blockedMatrix = weight.granularity { codesShape = [shape[0], shape.dropFirst().reduce(1, *)] }
    initializers = [
      store(names.codes, weight.codes, codesShape),
      ONNXModel.floatTensor(
        name: names.scales, weight.scales.map { Double($0) }, shape: scaleShape,
        type: elementType == .float64 ? .float32 : elementType),
    ]
    node = ONNXNodeProto("DequantizeLinear", name: nodeName, inputs: [names.codes, names.scales], outputs: [output])
    if !weight.isSymmetric {
      initializers.append(store(names.zeroPoints, weight.zeroPoints, scaleShape))
      node.input.append(names.zeroPoints)
    }
    switch weight.granularity {
    case .perTensor: break
    case .perAxis(let axis): node.set("axis", axis)
    case .blocked(let axis, let blockSize):
      node.set("axis", axis)
      node.set("block_size", blockSize)
    case .blockedMatrix(let blockSize):
      node.set("axis", 1)
      node.set("block_size", blockSize)
    }
  }

  /// Two 4-bit elements to a byte, the first in the low bits; an odd one is followed by zero bits.
  static func packed(_ codes: [UInt8]) -> [UInt8] {
    var bytes = [UInt8](repeating: 0, count: codes.count / 2 + codes.count % 2)
    for (index, code) in codes.enumerated() { bytes[index / 2] |= (code & 15) << UInt8(index % 2 * 4) }
    return bytes
  }
}
