/// XXH64 with seed 0 of bytes that come in pieces: finds what a torn write or a mix-up did to a file, not what an attacker did.
///
/// The algorithm is that of Yann Collet's xxHash (xxhash_spec.md, version 0.1.1); several bytes per cycle.
struct Checksum: Sendable {
  private static let (p1, p2, p3): (UInt64, UInt64, UInt64) = (
    0x9E37_79B1_85EB_CA87, 0xC2B2_AE3D_27D4_EB4F, 0x1656_67B1_9E37_79F9
  )
  private static let (p4, p5): (UInt64, UInt64) = (0x85EB_CA77_C2B2_AE63, 0x27D4_EB2F_1656_67C5)

  private var lanes: SIMD4<UInt64> = [p1 &+ p2, p2, 0, 0 &- p1]
  /// Up to 31 bytes that fill no stripe yet.
  private var rest: [UInt8] = []
  private var count = 0

  /// The checksum of nothing.
  init() {}

  /// The checksum of `bytes`.
  static func of(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
    var sum = Checksum()
    sum.add(bytes)
    return sum.value
  }

  /// Adds bytes behind those so far.
  mutating func add(_ bytes: UnsafeRawBufferPointer) {
    count += bytes.count
    var bytes = bytes
    if !rest.isEmpty {
      let taken = min(32 - rest.count, bytes.count)
      rest += bytes[..<taken]
      bytes = UnsafeRawBufferPointer(rebasing: bytes[taken...])
      if rest.count < 32 { return }
      rest.withUnsafeBytes { Self.consume($0, &lanes) }
      rest.removeAll(keepingCapacity: true)
    }
    let whole = bytes.count / 32 * 32
    Self.consume(UnsafeRawBufferPointer(rebasing: bytes[..<whole]), &lanes)
    rest += bytes[whole...]
  }

  /// Adds text.
  mutating func add(_ text: String) {
    var text = text
    text.withUTF8 { add(UnsafeRawBufferPointer($0)) }
  }

  /// Adds numbers.
  mutating func add(_ numbers: [Int]) { numbers.withUnsafeBytes { add($0) } }

  /// The checksum of all bytes so far.
  var value: UInt64 {
    var hash = Self.p5
    if count >= 32 {
      hash = Self.rotated(lanes[0], 1) &+ Self.rotated(lanes[1], 7)
      hash = hash &+ Self.rotated(lanes[2], 12) &+ Self.rotated(lanes[3], 18)
      for lane in 0..<4 { hash = (hash ^ Self.round(0, lanes[lane])) &* Self.p1 &+ Self.p4 }
    }
    hash = hash &+ UInt64(count)
    rest.withUnsafeBytes { rest in
      var start = 0
      while start + 8 <= rest.count {
        let word = rest.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian
        hash = Self.rotated(hash ^ Self.round(0, word), 27) &* Self.p1 &+ Self.p4
        start += 8
      }
      if start + 4 <= rest.count {
        let word = UInt64(rest.loadUnaligned(fromByteOffset: start, as: UInt32.self).littleEndian)
        hash = Self.rotated(hash ^ word &* Self.p1, 23) &* Self.p2 &+ Self.p3
        start += 4
      }
      for byte in rest[start...] { hash = Self.rotated(hash ^ UInt64(byte) &* Self.p5, 11) &* Self.p1 }
    }
    hash = (hash ^ hash >> 33) &* Self.p2
    hash = (hash ^ hash >> 29) &* Self.p3
    return hash ^ hash >> 32
  }

  private static func consume(_ stripes: UnsafeRawBufferPointer, _ lanes: inout SIMD4<UInt64>) {
    var (a, b, c, d) = (lanes[0], lanes[1], lanes[2], lanes[3])
    for start in stride(from: 0, to: stripes.count, by: 32) {
      a = round(a, stripes.loadUnaligned(fromByteOffset: start, as: UInt64.self).littleEndian)
      b = round(b, stripes.loadUnaligned(fromByteOffset: start + 8, as: UInt64.self).littleEndian)
      c = round(c, stripes.loadUnaligned(fromByteOffset: start + 16, as: UInt64.self).littleEndian)
      d = round(d, stripes.loadUnaligned(fromByteOffset: start + 24, as: UInt64.self).littleEndian)
    }
    lanes = [a, b, c, d]
  }

  @inline(__always)
  private static func round(_ lane: UInt64, _ word: UInt64) -> UInt64 { rotated(lane &+ word &* p2, 31) &* p1 }

  @inline(__always)
  private static func rotated(_ word: UInt64, _ bits: UInt64) -> UInt64 { word &<< bits | word &>> (64 - bits) }
}

extension UInt64 {
  /// 16 hexadecimal digits.
  var hexadecimal: String {
    let digits = String(self, radix: 16)
    return String(repeating: "0", count: 16 - digits.count) + digits
  }
}
