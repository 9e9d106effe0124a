import Foundation
import Quantization

/// The bytes by which a rank tells the others what it solved: for each range of rows its codes, scales, zero points,
/// losses and energies, one after the other, in the machine's byte order (ranks of one run share it).
enum RowMessage {
  /// The rows of one or more blocks that together make a range.
  static func bytes(of blocks: ArraySlice<RowBlock>) -> [UInt8] {
    var bytes: [UInt8] = []
    for block in blocks { bytes += block.codes }
    for block in blocks { block.scales.withUnsafeBytes { bytes += $0 } }
    for block in blocks { bytes += block.zeroPoints }
    for block in blocks { block.losses.withUnsafeBytes { bytes += $0 } }
    for block in blocks { block.energies.withUnsafeBytes { bytes += $0 } }
    return bytes
  }

  /// What a range of rows came to; codes and zero points are where the message is.
  struct Rows {
    var codes: UnsafeRawBufferPointer
    var scales: [Float]
    var zeroPoints: UnsafeRawBufferPointer
    var losses: [Double]
    var energies: [Double]
  }

  /// Takes ranges out of gathered bytes, in the order of the line.
  struct Reader {
    private let bytes: UnsafeRawBufferPointer
    private var position = 0

    init(_ bytes: UnsafeRawBufferPointer) { self.bytes = bytes }

    private mutating func take(_ count: Int) -> UnsafeRawBufferPointer {
      defer { position += count }
      return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
    }

    private mutating func take<Element: BitwiseCopyable>(_ count: Int, of type: Element.Type) -> [Element] {
      let source = take(count * MemoryLayout<Element>.stride)
      return [Element](unsafeUninitializedCapacity: count) { target, initialized in
        UnsafeMutableRawBufferPointer(target).copyMemory(from: source)
        initialized = count
      }
    }

    /// The next range, which must be `range` of `planned`.
    mutating func next(_ range: RowRange, _ planned: PlannedLayer) -> Rows {
      let rows = range.rows.count
      let groups = planned.scheme.groupCount(columns: planned.layer.columns)
      return Rows(
        codes: take(rows * planned.layer.columns), scales: take(rows * groups, of: Float.self),
        zeroPoints: take(rows * groups), losses: take(rows, of: Double.self), energies: take(rows, of: Double.self))
    }
  }
}
