import Graphs

/// The codes of `TensorProto.DataType` in the ONNX specification.
enum ONNXDataType: Int32 {
  case float32 = 1
  case uint8, int8, uint16, int16, int32, int64, string, bool, float16, float64, uint32, uint64
  case complex64, complex128, bfloat16
  case float8E4M3FN, float8E4M3FNUZ, float8E5M2, float8E5M2FNUZ
  case uint4, int4

  /// The element type in memory; nil for types that a tensor cannot hold as they are.
  var elementType: ElementType? {
    switch self {
    case .float32: .float32
    case .uint8: .uint8
    case .int8: .int8
    case .uint16: .uint16
    case .int16: .int16
    case .int32: .int32
    case .int64: .int64
    case .bool: .bool
    case .float16: .float16
    case .float64: .float64
    case .uint32: .uint32
    case .uint64: .uint64
    case .bfloat16: .bfloat16
    case .string, .complex64, .complex128, .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ: nil
    case .uint4, .int4: nil
    }
  }

  /// Bits of one element in `raw_data`; nil for strings.
  var bitCount: Int? {
    switch self {
    case .string: nil
    case .uint4, .int4: 4
    case .complex64: 64
    case .complex128: 128
    case .float8E4M3FN, .float8E4M3FNUZ, .float8E5M2, .float8E5M2FNUZ: 8
    default: elementType.map { $0.byteCount * 8 }
    }
  }

  /// The code of an element type.
  init(_ elementType: ElementType) {
    switch elementType {
    case .float32: self = .float32
    case .float64: self = .float64
    case .float16: self = .float16
    case .bfloat16: self = .bfloat16
    case .int8: self = .int8
    case .int16: self = .int16
    case .int32: self = .int32
    case .int64: self = .int64
    case .uint8: self = .uint8
    case .uint16: self = .uint16
    case .uint32: self = .uint32
    case .uint64: self = .uint64
    case .bool: self = .bool
    }
  }
}
