/// How work is cut over ranks.
public enum Balance: String, Sendable, CaseIterable, Codable {
  /// As `measured` where ranks are on several nodes or have different numbers of threads and the run takes much longer than the
  /// measurement; else as `equal`.
  case auto
  /// By the ranks' speeds, measured at the start.
  case measured
  /// Into equal shares.
  case equal

  /// Work of a thread, in GFLOP as progress counts it, from which on speeds are measured: five to ten seconds.
  static let leastWork = 1000.0
}
