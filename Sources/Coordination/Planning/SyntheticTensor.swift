import Calibration
import Graphs

/// Tensors to measure operators with.
enum SyntheticTensor {
  /// A tensor of `type`: floats from -0.5 to 0.5 in a pattern, all else zeros.
  static func make(_ type: TensorType) -> Tensor {
    let storage = TensorStorage(byteCount: type.byteCount) { bytes in
      switch type.elementType {
      case .float32:
        let floats = bytes.bindMemory(to: Float.self)
        for index in floats.indices { floats[index] = number(index) }
      case .bfloat16:
        let halves = bytes.bindMemory(to: UInt16.self)
        for index in halves.indices { halves[index] = UInt16(number(index).bitPattern >> 16) }
      default: bytes.initializeMemory(as: UInt8.self, repeating: 0)
      }
    }
    return Tensor(elementType: type.elementType, shape: type.shape, storage: storage)
  }

  /// Numbers from -0.5 to 0.5 without a simple order.
  static func number(_ index: Int) -> Float {
    let mixed = UInt32(truncatingIfNeeded: index) &* 2_654_435_761
    return Float((mixed ^ (mixed >> 15)) & 0xFFFF) / 65_536 - 0.5
  }
}
