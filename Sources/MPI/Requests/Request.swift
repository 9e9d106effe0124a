/// An operation in flight that borrows its buffer. Corresponds to `MPI_Request`.
///
/// The compiler refuses to read (where the library writes) or to change the buffer while the request lives. The library makes
/// progress when the rank calls it: `test()` from time to time keeps large transfers moving under a computation.
/// A request that is dropped in flight, because an error was thrown, is cancelled if it is a receive; any other is waited for,
/// and after three seconds the job is aborted, since the library still owns the memory.
public struct Request: ~Copyable, ~Escapable {
  private let transfers: Transfers
  private let expected: Int?

  /// `expected` is the number of elements that must have been received at the end; `nil` for other operations.
  @_lifetime(immortal)
  init(_ transfers: Transfers, expected: Int? = nil) {
    self.transfers = transfers
    self.expected = expected
  }

  /// Whether the operation is complete; makes progress. Corresponds to `MPI_Test`.
  @_lifetime(self: copy self)
  public mutating func test() throws(MPIError) -> Bool {
    try transfers.test()
  }

  /// Waits until the operation is complete, and gives the buffer back. Corresponds to `MPI_Wait`.
  public consuming func wait(_ waiting: Waiting = .busy) throws(MPIError) {
    try transfers.wait(waiting)
    if let expected { try transfers.checkCount(expected) }
  }

  /// Waits with naps until the operation is complete, and gives the buffer back. Corresponds to `MPI_Test`.
  public consuming func waitPolitely() throws(MPIError) {
    try wait(.polite)
  }
}
