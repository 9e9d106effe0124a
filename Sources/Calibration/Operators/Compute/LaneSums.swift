/// Reductions of a row of float32 numbers in 16 lanes: vectorized, and in an order that depends on the count alone.
enum LaneSums {
  /// The sum.
  static func sum(_ values: UnsafeBufferPointer<Float>) -> Float {
    fold(values, initial: 0, lanes: { $0 + $1 }, single: { $0 + $1 }, merge: { $0 + $1 })
  }

  /// The sum of the squares of the differences from `center`.
  static func squares(_ values: UnsafeBufferPointer<Float>, around center: Float) -> Float {
    fold(
      values, initial: 0,
      lanes: {
        let difference = $1 - center
        return $0 + difference * difference
      },
      single: {
        let difference = $1 - center
        return $0 + difference * difference
      }, merge: { $0 + $1 })
  }

  /// The largest value; negative infinity of none.
  static func maximum(_ values: UnsafeBufferPointer<Float>) -> Float {
    fold(
      values, initial: -.infinity, lanes: { $0.replacing(with: $1, where: $0 .< $1) }, single: { $0 < $1 ? $1 : $0 },
      merge: { $0 < $1 ? $1 : $0 })
  }

  @inline(__always)
  private static func fold(
    _ values: UnsafeBufferPointer<Float>, initial: Float,
    lanes: (SIMD16<Float>, SIMD16<Float>) -> SIMD16<Float>, single: (Float, Float) -> Float,
    merge: (Float, Float) -> Float
  ) -> Float {
    var total = SIMD16<Float>(repeating: initial)
    let whole = values.count / 16 * 16
    if let base = values.baseAddress {
      let bytes = UnsafeRawPointer(base)
      for start in stride(from: 0, to: whole, by: 16) {
        total = lanes(total, bytes.loadUnaligned(fromByteOffset: start * 4, as: SIMD16<Float>.self))
      }
    }
    for index in whole..<values.count { total[index - whole] = single(total[index - whole], values[index]) }
    // Pairs, then pairs of pairs.
    var count = 16
    while count > 1 {
      count /= 2
      for lane in 0..<count { total[lane] = merge(total[lane], total[lane + count]) }
    }
    return total[0]
  }
}
