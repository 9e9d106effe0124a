import Models

/// A finished layer as the journal has it: codes packed to their bits, scales, zero points, and the new bias if it has one.
struct StoredLayer: Sendable {
  /// A stream of bits for each row, see `BitStream`.
  var words: [UInt32]
  /// rows x groups.
  var scales: [Float]
  /// As many.
  var zeroPoints: [UInt8]
  /// One for each row; empty if the bias stays.
  var bias: [Float]

  /// Packs the codes of `layer`.
  init(_ layer: QuantizedLayer, _ planned: PlannedLayer, bias: [Float]?) {
    words = BitStream.packed(
      layer.codes, rows: planned.layer.rows, columns: planned.layer.columns, bits: planned.scheme.bits)
    (scales, zeroPoints, self.bias) = (layer.scales, layer.zeroPoints, bias ?? [])
  }

  /// The layer's codes, one for each weight.
  static func codes(_ words: [UInt32], _ planned: PlannedLayer) -> [UInt8] {
    BitStream.unpacked(
      words, rows: planned.layer.rows, columns: planned.layer.columns, bits: planned.scheme.bits)
  }

  /// The parts of `planned` from bytes that `codeBytes` and `valueBytes` made; the bytes are of the right number.
  init(codes: [UInt8], values: [UInt8], _ planned: PlannedLayer) {
    words = Self.words(codes)
    let count = planned.layer.rows * planned.scheme.groupCount(columns: planned.layer.columns)
    (scales, zeroPoints, bias) = Self.values(values, count: count)
  }

  /// The packed codes from their bytes.
  static func words(_ bytes: [UInt8]) -> [UInt32] { elements(bytes[...]) }

  /// `count` scales, `count` zero points and the bias from their bytes.
  static func values(_ bytes: [UInt8], count: Int) -> (scales: [Float], zeroPoints: [UInt8], bias: [Float]) {
    (elements(bytes[..<(4 * count)]), Array(bytes[4 * count..<5 * count]), elements(bytes[(5 * count)...]))
  }

  private static func elements<Element: BitwiseCopyable>(_ bytes: ArraySlice<UInt8>) -> [Element] {
    let count = bytes.count / MemoryLayout<Element>.stride
    return [Element](unsafeUninitializedCapacity: count) { target, initialized in
      bytes.withUnsafeBytes {
        UnsafeMutableRawBufferPointer(target).copyMemory(
          from: UnsafeRawBufferPointer(rebasing: $0[..<(count * MemoryLayout<Element>.stride)]))
      }
      initialized = count
    }
  }

  /// Bytes of the packed codes of `planned`.
  static func codeByteCount(_ planned: PlannedLayer) -> Int {
    4 * planned.layer.rows * BitStream.wordCount(planned.layer.columns, bits: planned.scheme.bits)
  }

  /// Bytes of the rest.
  static func valueByteCount(_ planned: PlannedLayer, hasBias: Bool) -> Int {
    let layer = planned.layer
    return 5 * layer.rows * planned.scheme.groupCount(columns: layer.columns) + (hasBias ? 4 * layer.rows : 0)
  }

  /// The packed codes as bytes, in the machine's order.
  var codeBytes: [UInt8] { words.withUnsafeBytes { Array($0) } }

  /// Scales, zero points and bias as bytes.
  var valueBytes: [UInt8] {
    scales.withUnsafeBytes { Array($0) } + zeroPoints + bias.withUnsafeBytes { Array($0) }
  }
}
