/// How the scale of a group is chosen. Ranges always include zero.
public enum GridSearch: String, Sendable, Codable, CaseIterable {
  /// From the smallest to the largest weight.
  case minmax
  /// The min-max range times 1 - i/100, i < 80: the smallest sum of |w - Q(w)|^2.4. Asymmetric grids of 2 and 3 bits also
  /// try the two neighbouring zero points.
  case l24
  /// The same ranges and zero points: the smallest sum of H_jj (w - Q(w))^2; without a Hessian, of (w - Q(w))^2.
  case curvature
  /// The same, weighted by 1 / U_jj^2: the curvature of a column with all columns behind it free to compensate. It depends
  /// on the column order; without a Hessian it is `curvature`.
  case schur

  /// Number of shrunken ranges that a search tries.
  static let candidates = 80

  /// The factor of candidate `index`.
  static func shrink(_ index: Int) -> Float { Float(1 - Double(index) / 100) }

  /// The zero points tried, as distances from that of the min-max grid; the first of equals wins.
  func zeroPointOffsets(_ scheme: QuantizationScheme) -> [Int] {
    self != .minmax && !scheme.symmetric && scheme.bits <= 3 ? [0, -1, 1] : [0]
  }
}
