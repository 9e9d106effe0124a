/// How hard a solve with compensation looks for the codes of a row.
///
/// Instead of one rounding, a search follows the cheapest `beams` of them through each block of 128 columns: at every
/// column each branches to the two grid points around its value, and the ones with the smallest sum of e^2 go on (the
/// M-algorithm of sequence detection, K-best decoding of a lattice; GPTQ is its case of one, arXiv:2507.18553). Rows stay
/// independent.
public enum Effort: String, Sendable, Codable, CaseIterable {
  /// One rounding: each column to the nearest point.
  case fast
  /// 8 roundings at once; about twice the time of `fast` at 4096 columns.
  case balanced
  /// 32 roundings at once, on the grid that is best for the row: the one searched for, or one with steps 3, 6 or 9 % shorter
  /// or 3 or 6 % longer, by the true loss of 8 roundings each. Then at most two rounds of refinement, each step kept per
  /// row only if the true loss falls: all scales refitted to the codes by least squares, the codes searched again on
  /// them, and coordinate descent on codes. Needs the dense Hessian: C^2 float32.
  case thorough

  /// Roundings of a row that are followed.
  var beams: Int {
    switch self {
    case .fast: 1
    case .balanced: 8
    case .thorough: 32
    }
  }

  /// What all steps of a row are multiplied by, in turn, to find its grid by the true loss.
  var stepFactors: [Float] { self == .thorough ? [0.91, 0.94, 0.97, 1.03, 1.06] : [] }

  /// Whether scales and codes of a row are refined in turn after its solve.
  var refines: Bool { self == .thorough }
}
