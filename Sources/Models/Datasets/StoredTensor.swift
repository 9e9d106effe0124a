import Graphs

/// A tensor as a safetensors file has it, of any type that the format knows.
struct StoredTensor: Sendable {
  /// The tensor's name.
  let name: String
  /// The type of its elements, as the file calls it (`BF16`).
  let dtype: String
  let shape: [Int]
  /// Its elements, little-endian, mapped.
  let bytes: SharedBytes

  /// The tensor; nil if `ElementType` lacks its type.
  var tensor: Tensor? {
    guard let type = Self.elementType(dtype) else { return nil }
    // A Swift Bool must be 0 or 1; a file may hold any byte.
    if type == .bool { return Tensor(bytes.array.map { $0 != 0 }, shape: shape) }
    return Tensor(elementType: type, shape: shape, storage: bytes.storage(alignment: type.byteCount))
  }

  /// Bytes of an element; nil for types that are not known or not a whole number of bytes.
  static func byteCount(ofElement dtype: String) -> Int? {
    if let type = elementType(dtype) { return type.byteCount }
    return switch dtype {
    case "F8_E4M3", "F8_E5M2", "F8_E8M0", "F8_E4M3FNUZ", "F8_E5M2FNUZ": 1
    case "C64": 8
    default: nil
    }
  }

  private static func elementType(_ dtype: String) -> ElementType? {
    switch dtype {
    case "F64": .float64
    case "F32": .float32
    case "F16": .float16
    case "BF16": .bfloat16
    case "I64": .int64
    case "I32": .int32
    case "I16": .int16
    case "I8": .int8
    case "U64": .uint64
    case "U32": .uint32
    case "U16": .uint16
    case "U8": .uint8
    case "BOOL": .bool
    default: nil
    }
  }
}
