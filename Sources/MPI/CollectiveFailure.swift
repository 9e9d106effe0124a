/// A failure on one rank, as every rank of a communicator learns of it from `collectively`.
///
/// `rank`, `host` and `description` are the same on all of them. Corresponds to an `MPI_Allreduce` of the failed rank and an
/// `MPI_Bcast` of its error.
public struct CollectiveFailure: Error, CustomStringConvertible {
  /// The rank that failed, in `world`; the lowest of the communicator if several did. Corresponds to `MPI_Comm_rank`.
  public let rank: Int
  /// The host of that rank. Corresponds to `MPI_Get_processor_name`.
  public let host: String
  /// What that rank's error says of itself.
  public let description: String
  /// The error of this rank, if it failed too.
  public let local: (any Error)?
  /// Whether all ranks of `world` throw this failure, so that the program can end in good order.
  let isKnownEverywhere: Bool
}
