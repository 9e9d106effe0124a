/// An operation in flight that owns its buffer, and can be kept in a property. Corresponds to `MPI_Request`.
///
/// See `Request` for progress and for what happens to one that is dropped.
public struct OwningRequest<Element: MPIElement>: ~Copyable {
  private let transfers: Transfers
  private let buffer: Buffer
  private let expected: Int?

  /// Memory with an address that stays, filled with `elements`.
  @safe final class Buffer {
    let memory: UnsafeMutableBufferPointer<Element>

    init(_ elements: [Element]) {
      unsafe memory = .allocate(capacity: elements.count)
      unsafe _ = memory.initialize(from: elements)
    }

    deinit { unsafe memory.deallocate() }
  }

  init(_ transfers: Transfers, _ buffer: Buffer, expected: Int? = nil) {
    self.transfers = transfers
    self.buffer = buffer
    self.expected = expected
  }

  /// Whether the operation is complete; makes progress. Corresponds to `MPI_Test`.
  public mutating func test() throws(MPIError) -> Bool {
    try transfers.test()
  }

  /// Waits until the operation is complete; the elements of the buffer. Corresponds to `MPI_Wait`.
  public consuming func wait(_ waiting: Waiting = .busy) throws(MPIError) -> [Element] {
    try transfers.wait(waiting)
    if let expected { try transfers.checkCount(expected) }
    return unsafe Array(buffer.memory)
  }

  /// Waits with naps until the operation is complete; the elements of the buffer. Corresponds to `MPI_Test`.
  public consuming func waitPolitely() throws(MPIError) -> [Element] {
    try wait(.polite)
  }
}
