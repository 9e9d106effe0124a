/// How codes are found once the grids are fixed.
public enum Method: String, Sendable, Codable, CaseIterable {
  /// Column by column, each rounding error compensated by the columns that are still free.
  case compensate
  /// Each weight to the nearest point of its grid.
  case round
}
