/// A rate of one thread at a size.
public struct RatePoint: Sendable, Codable, Equatable {
  /// Columns C.
  public var columns: Int
  /// Units per second, see `MachineRate`.
  public var rate: Double
}
