/// A floating-point type that a checkpoint stores scales and weights in.
public enum FloatType: String, Sendable, Codable, CaseIterable {
  case float32, float16, bfloat16

  /// The type that safetensors calls `dtype`; nil for others.
  init?(dtype: String) {
    switch dtype {
    case "F32": self = .float32
    case "F16": self = .float16
    case "BF16": self = .bfloat16
    default: return nil
    }
  }

  /// The name of the type in safetensors.
  var dtype: String {
    switch self {
    case .float32: "F32"
    case .float16: "F16"
    case .bfloat16: "BF16"
    }
  }

  /// `value` rounded to the type.
  func value(_ value: Float) -> Float {
    switch self {
    case .float32: value
    case .float16: Float(Float16(value))
    case .bfloat16: Float(bitPattern: UInt32(value.bfloat16Bits) << 16)
    }
  }

  /// A tensor to write of `values` in this type.
  func outgoing(
    name: String, shape: [Int], values: @escaping @Sendable () throws(ModelError) -> [Float]
  ) -> OutgoingTensor {
    switch self {
    case .float32: OutgoingTensor(name: name, dtype: dtype, shape: shape, of: Float.self, make: values)
    case .float16:
      OutgoingTensor(name: name, dtype: dtype, shape: shape, of: Float16.self) { () throws(ModelError) in
        try values().map { Float16($0) }
      }
    case .bfloat16:
      OutgoingTensor(name: name, dtype: dtype, shape: shape, of: UInt16.self) { () throws(ModelError) in
        try values().map(\.bfloat16Bits)
      }
    }
  }
}
