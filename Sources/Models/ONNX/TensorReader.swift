internal import Foundation
import Graphs

/// Turns `TensorProto` messages of one model into tensors, checking every size.
struct TensorReader: Sendable {
  /// The model's path, for messages.
  let path: String
  /// External data; nil where it is not allowed (a tensor in a file of its own).
  let external: ExternalFiles?

  /// The elements of `proto` as a tensor; 4-bit elements become one byte each, `int8` or `uint8`.
  ///
  /// Large raw data is shared with the message, external data with the mapped file, if it is aligned.
  func tensor(_ proto: ONNXTensorProto) throws(ModelError) -> Tensor {
    let name = proto.name.isEmpty ? "(unnamed)" : proto.name
    guard !proto.hasSegment else { throw .unsupported(path: path, reason: "tensor \(name) is cut into segments") }
    let shape = try shape(of: proto)
    guard let type = ONNXDataType(rawValue: proto.dataType) else {
      throw .unsupported(path: path, reason: "tensor \(name) has elements of data type \(proto.dataType)")
    }
    if type == .int4 || type == .uint4 { return try unpacked(proto, type, shape) }
    guard let elementType = type.elementType else {
      throw .unsupported(path: path, reason: "tensor \(name) has elements of type \(type)")
    }
    guard let byteCount = checkedProduct(shape, unit: elementType.byteCount) else {
      throw .malformed(path: path, reason: "tensor \(name): the shape \(shape) is too large")
    }
    if let bytes = try rawBytes(proto, byteCount: byteCount) {
      // A Swift Bool must be 0 or 1; a file may hold any byte.
      if elementType == .bool { return Tensor(bytes.array.map { $0 != 0 }, shape: shape) }
      return Tensor(elementType: elementType, shape: shape, storage: bytes.storage(alignment: elementType.byteCount))
    }
    return try typedTensor(proto, elementType, shape, name)
  }

  /// The shape of `proto`, its dimensions checked.
  func shape(of proto: ONNXTensorProto) throws(ModelError) -> [Int] {
    let shape = proto.dims.map(Int.init)
    guard checkedProduct(shape, unit: 8) != nil else {
      throw .malformed(path: path, reason: "tensor \(proto.name): the shape \(shape) is negative or too large")
    }
    return shape
  }

  /// How many bytes `raw_data` has for the shape and type of `proto`.
  func rawByteCount(of proto: ONNXTensorProto) throws(ModelError) -> Int {
    let shape = try shape(of: proto)
    let type = ONNXDataType(rawValue: proto.dataType)
    guard let bits = type?.bitCount, let count = checkedProduct(shape, unit: bits) else {
      throw .unsupported(path: path, reason: "tensor \(proto.name) has elements of data type \(proto.dataType)")
    }
    return count / 8 + (count % 8 == 0 ? 0 : 1)
  }

  /// The bytes of `raw_data` or of the external file, exactly `byteCount`; nil if the elements are in a typed field.
  func rawBytes(_ proto: ONNXTensorProto, byteCount: Int) throws(ModelError) -> SharedBytes? {
    if proto.dataLocation == .external { return try externalBytes(proto, byteCount: byteCount) }
    guard proto.hasRawData else { return nil }
    guard proto.rawData.count == byteCount else {
      throw .malformed(
        path: path,
        reason: "tensor \(proto.name): shape and type need \(byteCount) bytes, it has \(proto.rawData.count)")
    }
    return SharedBytes(proto.rawData)
  }

  private func externalBytes(_ proto: ONNXTensorProto, byteCount: Int) throws(ModelError) -> SharedBytes {
    let refusal = { (reason: String) -> ModelError in
      .externalData(path: self.path, tensor: proto.name, reason: reason)
    }
    guard let external else { throw refusal("a tensor in a file of its own cannot have any") }
    var location = ""
    var offset = 0
    var length: Int?
    for entry in proto.externalData {
      switch entry.key {
      case "location": location = entry.value
      case "offset", "length":
        guard let value = Int(entry.value), value >= 0 else {
          throw refusal("the \(entry.key) is \(entry.value), which is not a byte count")
        }
        if entry.key == "offset" { offset = value } else { length = value }
      default: break  // a checksum is not kept by every writer and is not required to be checked
      }
    }
    let file = try external.file(at: location, tensor: proto.name)
    guard length == nil || length == byteCount else {
      throw refusal("shape and type need \(byteCount) bytes, the length is \(length!)")
    }
    guard offset <= file.bytes.count, byteCount <= file.bytes.count - offset else {
      throw refusal("\(byteCount) bytes at offset \(offset) do not fit \(location) of \(file.bytes.count) bytes")
    }
    return SharedBytes(UnsafeRawBufferPointer(rebasing: file.bytes[offset..<offset + byteCount]), owner: file)
  }

  /// Elements of the typed fields (`float_data`, ...): one entry per element, half floats as their bits in `int32_data`.
  private func typedTensor(
    _ proto: ONNXTensorProto, _ type: ElementType, _ shape: [Int], _ name: String
  ) throws(ModelError) -> Tensor {
    let count = shape.reduce(1, *)
    let found: Int
    switch type {
    case .float32: found = proto.floatData.count
    case .float64: found = proto.doubleData.count
    case .int64: found = proto.int64Data.count
    case .uint32, .uint64: found = proto.uint64Data.count
    case .int8, .int16, .int32, .uint8, .uint16, .bool, .float16, .bfloat16: found = proto.int32Data.count
    }
    guard found == count else {
      throw .malformed(path: path, reason: "tensor \(name): shape \(shape) needs \(count) elements, it has \(found)")
    }
    switch type {
    case .float32: return Tensor(proto.floatData, shape: shape)
    case .float64: return Tensor(proto.doubleData, shape: shape)
    case .int64: return Tensor(proto.int64Data, shape: shape)
    case .uint64: return Tensor(proto.uint64Data, shape: shape)
    case .int32: return Tensor(proto.int32Data, shape: shape)
    case .uint32: return Tensor(proto.uint64Data.map { UInt32(truncatingIfNeeded: $0) }, shape: shape)
    case .int8: return Tensor(proto.int32Data.map { Int8(truncatingIfNeeded: $0) }, shape: shape)
    case .int16: return Tensor(proto.int32Data.map { Int16(truncatingIfNeeded: $0) }, shape: shape)
    case .uint8: return Tensor(proto.int32Data.map { UInt8(truncatingIfNeeded: $0) }, shape: shape)
    case .uint16: return Tensor(proto.int32Data.map { UInt16(truncatingIfNeeded: $0) }, shape: shape)
    case .bool: return Tensor(proto.int32Data.map { $0 != 0 }, shape: shape)
    case .float16, .bfloat16:
      let bits = Tensor(proto.int32Data.map { UInt16(truncatingIfNeeded: $0) }, shape: shape)
      return Tensor(elementType: type, shape: shape, storage: bits.storage)
    }
  }

  /// 4-bit elements, two to a byte, the first in the low bits.
  private func unpacked(
    _ proto: ONNXTensorProto, _ type: ONNXDataType, _ shape: [Int]
  ) throws(ModelError) -> Tensor {
    let count = shape.reduce(1, *)
    let byteCount = count / 2 + count % 2
    let packed: [UInt8]
    if let bytes = try rawBytes(proto, byteCount: byteCount) {
      packed = bytes.array
    } else {
      packed = proto.int32Data.map { UInt8(truncatingIfNeeded: $0) }
      guard packed.count == byteCount else {
        throw .malformed(
          path: path, reason: "tensor \(proto.name): shape \(shape) needs \(byteCount) bytes, it has \(packed.count)")
      }
    }
    let nibbles = (0..<count).map { packed[$0 / 2] >> UInt8($0 % 2 * 4) & 15 }
    return type == .uint4
      ? Tensor(nibbles, shape: shape) : Tensor(nibbles.map { Int8(bitPattern: $0 << 4) >> 4 }, shape: shape)
  }
}
