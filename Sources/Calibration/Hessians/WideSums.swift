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

  /// The sum of the squared differences of two lists of one length.
  static func squaredDistance(_ left: UnsafeBufferPointer<Float>, _ right: UnsafeBufferPointer<Float>) -> Double {
    precondition(left.count == right.count, "\(left.count) and \(right.count) elements")
    guard let first = left.baseAddress, let second = right.baseAddress else { return 0 }
    var sums = SIMD8<Double>(repeating: 0)
    let whole = left.count / 8 * 8
    for start in stride(from: 0, to: whole, by: 8) {
      let difference =
        SIMD8<Double>(UnsafeRawPointer(first + start).loadUnaligned(as: SIMD8<Float>.self))
        - SIMD8<Double>(UnsafeRawPointer(second + start).loadUnaligned(as: SIMD8<Float>.self))
      sums += difference * difference
    }
    return (whole..<left.count).reduce(sums.sum()) {
      let difference = Double(left[$1]) - Double(right[$1])
      return $0 + difference * difference
    }
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
