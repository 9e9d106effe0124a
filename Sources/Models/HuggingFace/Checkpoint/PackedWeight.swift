import Graphs

/// The weight of a linear module that a checkpoint stores in fewer bits.
struct PackedWeight: Sendable {
  /// The module's name.
  let module: String
  let rows: Int
  let columns: Int
  let bits: Int
  let format: CheckpointFormat
  /// Integers, 32 bits each, as they stand in the file.
  let codes: Tensor
  let scales: Tensor
  /// Packed as in the file; nil for 2^(bits - 1) everywhere.
  let zeroPoints: Tensor?
  /// Whether stored zero points are less by one than what they stand for.
  let addsOne: Bool
  /// The group of each column.
  let groupOfColumn: [Int]

  /// Scales of a row.
  private var groupCount: Int { format == .gptq ? scales.shape[0] : scales.shape[1] }

  /// How the weight is stored, for people.
  var stored: StoredWeight {
    let parts = [codes, scales] + [zeroPoints].compactMap(\.self)
    return StoredWeight(
      bits: bits, storage: format.rawValue, hasZeroPoints: zeroPoints != nil,
      granularity: groupCount == 1 ? .perAxis(0) : .blocked(axis: 1, blockSize: columns / groupCount),
      shape: [rows, columns], byteCount: parts.reduce(0) { $0 + $1.storage.byteCount })
  }

  /// (code - zero point) * scale in the type of the scales, in which readers compute it: rows x columns.
  func dequantized() -> Tensor {
    let groups = groupCount
    let zeroPoints = unpackedZeroPoints()
    var scales = scales.floatValues!
    if format == .gptq { scales = BitStream.transposed(scales, rows: groups, columns: rows) }
    let codes = unpackedCodes()
    let values = [Float](unsafeUninitializedCapacity: rows * columns) { values, count in
      for row in 0..<rows {
        for column in 0..<columns {
          let (index, group) = (row * columns + column, row * groups + groupOfColumn[column])
          values[index] = Float(Int32(codes[index]) - zeroPoints[group]) * scales[group]
        }
      }
      count = rows * columns
    }
    return Tensor(values, shape: [rows, columns]).converted(toFloat: self.scales.elementType)!
  }

  /// rows x columns codes.
  private func unpackedCodes() -> [UInt8] {
    var words = Self.words(codes)
    if format == .gptq { words = BitStream.transposed(words, rows: codes.shape[0], columns: codes.shape[1]) }
    return BitStream.unpacked(words, rows: rows, columns: columns, bits: bits)
  }

  /// rows x groups zero points.
  private func unpackedZeroPoints() -> [Int32] {
    let groups = groupCount
    guard let zeroPoints else { return Array(repeating: 1 << Int32(bits - 1), count: rows * groups) }
    var words = Self.words(zeroPoints)
    if format == .compressedTensors {
      words = BitStream.transposed(words, rows: zeroPoints.shape[0], columns: zeroPoints.shape[1])
    }
    let byGroup = BitStream.unpacked(words, rows: groups, columns: rows, bits: bits)
    let mask = Int32(1) << Int32(bits) - 1
    let values = byGroup.map { addsOne ? (Int32($0) + 1) & mask : Int32($0) }
    return BitStream.transposed(values, rows: groups, columns: rows)
  }

  private static func words(_ tensor: Tensor) -> [UInt32] {
    tensor.array(of: Int32.self).map { UInt32(bitPattern: $0) }
  }
}
