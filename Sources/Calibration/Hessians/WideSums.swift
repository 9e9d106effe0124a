/// Sums of float32 elements in float64: eight partial sums, so that the loops vectorize, in an order that depends on the
/// count alone.
enum WideSums {
  /// The sum of the elements.
  static func sum(_ elements: UnsafeBufferPointer<Float>) -> Double {
    fold(elements, lanes: { $0 }, single: { $0 })
  }

  /// The sum of the elements' squares.
  static func squares(_ elements: UnsafeBufferPointer<Float>) -> Double {
    fold(elements, lanes: { $0 * $0 }, single: { $0 * $0 })
  }

  @inline(__always)
  private static func fold(
    _ elements: UnsafeBufferPointer<Float>, lanes: (SIMD8<Double>) -> SIMD8<Double>, single: (Double) -> Double
  ) -> Double {
    guard let base = elements.baseAddress else { return 0 }
    var sums = SIMD8<Double>(repeating: 0)
    let whole = elements.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      sums += lanes(SIMD8<Double>(UnsafeRawPointer(base + start).loadUnaligned(as: SIMD8<Float>.self)))
    }
    return (whole..<elements.count).reduce(sums.sum()) { $0 + single(Double(elements[$1])) }
  }
}
