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
  /// 32 roundings at once.
  case thorough

  /// Roundings of a row that are followed.
  var beams: Int {
    switch self {
    case .fast: 1
    case .balanced: 8
    case .thorough: 32
    }
  }
}
