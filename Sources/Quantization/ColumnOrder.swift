/// The order in which a solve processes columns, the same for all rows.
///
/// What is processed early is compensated by everything behind it, so the most sensitive columns come first. Groups
/// keep the natural column order whatever the processing order is. Ties go to the lower index.
public enum ColumnOrder: String, Sendable, Codable, CaseIterable {
  /// Descending mean over rows of (w - Q(w))^2 / inverse(H)_jj, with Q on the min-max grid (arXiv:2509.05576).
  case sensitivity
  /// Descending diagonal of H (the "act order" of GPTQ).
  case curvature
  /// The reverse of the order that always eliminates the smallest remaining Schur diagonal (arXiv:2507.18553).
  case pivot
  /// As stored.
  case natural
  /// Of `sensitivity`, `curvature` and `pivot` the one with the smallest predicted loss, sum(1 / U_jj^2).
  case auto

  /// The indices of `values`, largest first, the lower index first among equals.
  static func descending(_ values: [Double]) -> [Int] {
    values.indices.sorted { (values[$1], $0) < (values[$0], $1) }
  }
}
