internal import CMPI

/// An ordered group of ranks that talk to each other. Corresponds to `MPI_Comm`.
///
/// All ranks of a communicator call its collective operations in the same order, with the same arguments except where the
/// documentation says otherwise. A communicator is neither copyable nor `Sendable`: it stays on the thread that uses it,
/// and `duplicate()`, which is collective, makes an independent one.
///
/// An MPI count has 32 bits. Every operation cuts its buffers, so element counts, their sums and their displacements may
/// exceed 2^31.
@safe public struct Communicator: ~Copyable {
  /// This process' number, in `0 ..< size`. Corresponds to `MPI_Comm_rank`.
  public let rank: Int
  /// The number of ranks. Corresponds to `MPI_Comm_size`.
  public let size: Int

  /// In a class, so that the handle, whose layout depends on the library, is no part of the layout of this type.
  private let handle: Handle
  var raw: CMPIComm { unsafe handle.raw }

  @safe private final class Handle {
    let raw: CMPIComm
    private let isOwned: Bool

    init(_ raw: CMPIComm, isOwned: Bool) {
      unsafe self.raw = raw
      self.isOwned = isOwned
    }

    deinit {
      guard isOwned, cmpi_is_running() != 0 else { return }
      var raw = unsafe raw
      unsafe _ = cmpi_comm_free(&raw)
    }
  }

  /// The largest number of elements of one MPI call; equal on all ranks. Tests lower it to see the cutting.
  package var blockSize = 1 << 30 {
    didSet { precondition((1...1 << 30).contains(blockSize), "a block of \(blockSize) elements") }
  }

  /// Takes over a communicator that the library has just made.
  init(owning raw: CMPIComm, blockSize: Int) throws(MPIError) {
    var (rank, size): (Int32, Int32) = (0, 0)
    try check("MPI_Comm_rank", unsafe cmpi_comm_rank(raw, &rank))
    try check("MPI_Comm_size", unsafe cmpi_comm_size(raw, &size))
    // The library's default is to end the job without a word on what the program was doing.
    try check("MPI_Comm_set_errhandler", unsafe cmpi_return_errors(raw))
    handle = unsafe Handle(raw, isOwned: true)
    self.blockSize = blockSize
    (self.rank, self.size) = (Int(rank), Int(size))
  }

  /// The communicator of all ranks, which nobody frees.
  init(world: CMPIComm, rank: Int, size: Int) {
    handle = unsafe Handle(world, isOwned: false)
    (self.rank, self.size) = (rank, size)
  }

  /// Traps when `root` is not a rank of this communicator.
  func checkRank(_ rank: Int, _ role: String) {
    precondition((0..<size).contains(rank), "\(role) \(rank) is not in 0 ..< \(size)")
  }
}

@available(*, unavailable, message: "a communicator stays on the thread that uses it; see duplicate()")
extension Communicator: @unchecked Sendable {}
