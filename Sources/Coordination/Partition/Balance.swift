/// How work is cut over ranks.
public enum Balance: String, Sendable, CaseIterable, Codable {
  /// By the ranks' speeds, measured at the start.
  case measured
  /// Into equal shares.
  case equal
}
