/// The elements that ranks send: others for each rank, position and repetition, and known to all, so that what arrives can be
/// checked.
struct CommBenchPattern {
  /// The rank that contributes.
  let rank: Int
  /// The repetition.
  let round: Int

  private var seed: UInt32 {
    UInt32(truncatingIfNeeded: rank) &* 0x85EB_CA6B ^ UInt32(truncatingIfNeeded: round) &* 0xC2B2_AE35
  }

  /// 32 bits of a factor.
  func word(_ position: Int) -> UInt32 { (UInt32(truncatingIfNeeded: position) &+ seed) &* 0x9E37_79B1 }

  /// A byte of a row.
  func byte(_ position: Int) -> UInt8 { UInt8(truncatingIfNeeded: word(position) >> 24) }

  /// A sum of 40 bits, which leaves room for all ranks.
  func sum(_ position: Int) -> Int64 { Int64(word(position)) << 8 | Int64(rank & 255) }

  /// Writes this rank's elements behind each other.
  func fill<Element>(_ elements: inout [Element], _ value: (Int) -> Element) {
    elements.withUnsafeMutableBufferPointer { for index in $0.indices { $0[index] = value(index) } }
  }

  /// How many of `elements` are not those wanted.
  static func wrong<Element: Equatable>(
    in elements: UnsafeBufferPointer<Element>, _ wanted: (Int) -> Element
  ) -> Int {
    var wrong = 0
    for index in elements.indices where elements[index] != wanted(index) { wrong += 1 }
    return wrong
  }
}
