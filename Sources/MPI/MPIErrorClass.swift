internal import CMPI

/// The kind of an error that the library reports. Corresponds to `MPI_Error_class`.
public enum MPIErrorClass: Sendable, Equatable {
  /// A message is longer than the buffer that receives it. Corresponds to `MPI_ERR_TRUNCATE`.
  case truncated
  /// A buffer pointer is not valid. Corresponds to `MPI_ERR_BUFFER`.
  case buffer
  /// A count is negative or too large. Corresponds to `MPI_ERR_COUNT`.
  case count
  /// A communicator is null or freed. Corresponds to `MPI_ERR_COMM`.
  case communicator
  /// A rank is outside of the communicator. Corresponds to `MPI_ERR_RANK`.
  case rank
  /// A root is outside of the communicator. Corresponds to `MPI_ERR_ROOT`.
  case root
  /// A tag is negative or above the library's bound. Corresponds to `MPI_ERR_TAG`.
  case tag
  /// A group of ranks is not valid. Corresponds to `MPI_ERR_GROUP`.
  case group
  /// Memory is exhausted. Corresponds to `MPI_ERR_NO_MEM`.
  case memory
  /// Something inside of the library, the network or the operating system. Corresponds to `MPI_ERR_INTERN`.
  case intern
  /// Another class, by the number that this implementation gives it. Corresponds to `MPI_Error_class`.
  case other(Int)

  /// The class of an error code. Corresponds to `MPI_Error_class`.
  init(code: Int32) {
    var number: Int32 = 0
    guard unsafe MPI_Error_class(code, &number) == MPI_SUCCESS else {
      self = .other(Int(code))
      return
    }
    self =
      switch number {
      case MPI_ERR_TRUNCATE: .truncated
      case MPI_ERR_BUFFER: .buffer
      case MPI_ERR_COUNT: .count
      case MPI_ERR_COMM: .communicator
      case MPI_ERR_RANK: .rank
      case MPI_ERR_ROOT: .root
      case MPI_ERR_TAG: .tag
      case MPI_ERR_GROUP: .group
      case MPI_ERR_NO_MEM: .memory
      case MPI_ERR_INTERN: .intern
      default: .other(Int(number))
      }
  }
}
