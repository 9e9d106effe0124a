/// How codes are found once the grids are fixed.
public enum Method: String, Sendable, Codable, CaseIterable {
  /// Column by column in one order for all rows, each rounding error compensated by the columns that are still free.
  case compensate
  /// Exact OBQ (arXiv:2208.11580): every row takes its columns in an order of its own, by an inverse Hessian of its own.
  case obq
  /// Each weight to the nearest point of its grid.
  case round

  /// Whether errors are compensated, so that the codes depend on more than the weights and their grids.
  public var compensates: Bool { self != .round }
}
