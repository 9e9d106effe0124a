/// What is known of a message that was received. Corresponds to `MPI_Status`.
public struct ReceivedMessage: Sendable, Equatable {
  /// The rank that sent it. Corresponds to `MPI_SOURCE`.
  public let source: Int
  /// The tag that it was sent with. Corresponds to `MPI_TAG`.
  public let tag: Int
  /// Its number of elements. Corresponds to `MPI_Get_count`.
  public let count: Int
}
