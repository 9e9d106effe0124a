import LinearAlgebra

/// A communication pattern of a run, by itself.
public enum CommBenchOperation: String, Sendable, CaseIterable, Codable {
  /// A factor to all ranks as a run sends it: a pipeline between nodes, one copy for the ranks of a node.
  case pipelined
  /// The same with `MPI_Bcast`, a copy for each rank.
  case broadcast
  /// Integer sums to their owner, by `MPI_Reduce`.
  case reduce
  /// Rows to rank 0, by `MPI_Gatherv`.
  case gather
  /// Rows to all ranks as a run gathers them, by `MPI_Allgatherv`.
  case allgather

  /// Bytes of an element: float32 of factors, int64 of sums, bytes of rows.
  public var elementBytes: Int {
    switch self {
    case .pipelined, .broadcast: 4
    case .reduce: 8
    case .gather, .allgather: 1
    }
  }

  /// Elements for an input group of `columns` columns: U as a packed triangle, the sums of a Hessian and of its inputs, or
  /// the codes of as many rows.
  func elementCount(columns: Int) -> Int {
    switch self {
    case .pipelined, .broadcast: SymmetricMatrix.count(order: columns)
    case .reduce: SymmetricMatrix.count(order: columns) + columns
    case .gather, .allgather: columns * columns
    }
  }

  /// What bytes per second are multiplied by to be those of the busiest link, whatever the number of ranks; as in nccl-tests.
  public func busFactor(ranks: Int) -> Double {
    switch self {
    case .pipelined, .broadcast, .reduce: 1
    case .gather, .allgather: Double(ranks - 1) / Double(ranks)
    }
  }
}
