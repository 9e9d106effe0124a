import MPI

/// What a user asks of `rankwise comm-bench`.
public struct CommBenchOptions: Sendable {
  /// How much is sent.
  public enum Sizes: Sendable, Equatable {
    /// Bytes, for all operations alike; the bytes of all ranks together where rows are gathered.
    case bytes([Int])
    /// What each operation moves for an input group of so many columns.
    case columns([Int])
  }

  /// What is measured, in this order.
  public var operations = CommBenchOperation.allCases
  /// How much is sent.
  public var sizes: Sizes
  /// Measured repetitions of each.
  public var repeats = 10
  /// Repetitions before these that do not count.
  public var warmUp = 2
  /// How the pipelined broadcast cuts its buffer and who forwards.
  public var pipeline = Pipeline()
  /// Where the table is written: as comma-separated values if the name ends in `.csv`, else as JSON; nil for nowhere.
  public var report: String?

  /// Options with every default but the sizes.
  public init(sizes: Sizes) { self.sizes = sizes }

  /// Elements of `operation` for each size, with the columns if there are any.
  func problems(of operation: CommBenchOperation) -> [(columns: Int?, count: Int)] {
    switch sizes {
    case .bytes(let sizes): sizes.map { (nil, max(1, $0 / operation.elementBytes)) }
    case .columns(let columns): columns.map { ($0, operation.elementCount(columns: $0)) }
    }
  }
}
