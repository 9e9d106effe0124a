internal import CMPI

extension Communicator {
  /// Returns when every rank has called it.
  ///
  /// Collective. Corresponds to `MPI_Barrier`.
  public borrowing func barrier(waiting: Waiting = .busy) throws(MPIError) {
    let raw = unsafe raw
    try unsafe complete("MPI_Barrier", waiting) { unsafe cmpi_barrier(raw, $0) }
  }

  /// Copies `buffer` from `root` to every other rank, in place.
  ///
  /// Collective: every rank passes the same `root` and element count. Corresponds to `MPI_Bcast`.
  public borrowing func broadcast<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    try buffer.withElements { (elements) throws(MPIError) in try broadcast(elements, root: root, waiting: waiting) }
  }

  /// Copies `buffer` from `root` to every other rank, in place.
  ///
  /// Collective: every rank passes the same `root` and element count. Corresponds to `MPI_Bcast`.
  public borrowing func broadcast<Element: MPIElement>(
    _ buffer: inout [Element], root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    var span = buffer.mutableSpan
    try broadcast(&span, root: root, waiting: waiting)
  }

  /// Copies `buffer` from `root` to every other rank, in place.
  ///
  /// Collective: every rank passes the same `root` and element count. The memory is initialized on `root` and afterwards
  /// on all ranks. Corresponds to `MPI_Bcast`.
  @unsafe public borrowing func broadcast<Element: MPIElement>(
    _ buffer: UnsafeMutableBufferPointer<Element>, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    try broadcast(unsafe Elements(buffer), root: root, waiting: waiting)
  }

  /// Copies the bytes of `buffer` from `root` to every other rank, in place.
  ///
  /// Collective: every rank passes the same `root` and byte count. Corresponds to `MPI_Bcast`.
  @unsafe public borrowing func broadcast(
    _ buffer: UnsafeMutableRawBufferPointer, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    let bytes = unsafe Elements(buffer.baseAddress, count: buffer.count, kind: .uint8)
    try broadcast(bytes, root: root, waiting: waiting)
  }

  /// The elements that `root` passes, on every rank; the other ranks need not know how many these are.
  ///
  /// Collective: `value` is read on `root` only. Corresponds to `MPI_Bcast`, once for the count and once for the elements.
  public borrowing func broadcastValue<Element: MPIElement>(
    _ value: [Element], root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> [Element] {
    var count = [Int64(value.count)]
    try broadcast(&count, root: root, waiting: waiting)
    var result = rank == root ? value : [Element](repeating: .zero, count: Int(count[0]))
    try broadcast(&result, root: root, waiting: waiting)
    return result
  }

  /// The text that `root` passes, on every rank.
  ///
  /// Collective: `text` is read on `root` only. Corresponds to `MPI_Bcast`, once for the length and once for the text.
  public borrowing func broadcastValue(
    _ text: String, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> String {
    String(decoding: try broadcastValue(Array(text.utf8), root: root, waiting: waiting), as: UTF8.self)
  }

  /// The number that `root` passes, on every rank.
  ///
  /// Collective: `value` is read on `root` only. Corresponds to `MPI_Bcast`.
  public borrowing func broadcastValue<Element: MPIElement>(
    _ value: Element, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> Element {
    var values = [value]
    try broadcast(&values, root: root, waiting: waiting)
    return values[0]
  }

  /// Cuts a broadcast into blocks.
  borrowing func broadcast(_ elements: Elements, root: Int, waiting: Waiting) throws(MPIError) {
    checkRank(root, "root")
    let raw = unsafe raw
    try forEachBlock(elements.count) { (start, count) throws(MPIError) in
      try unsafe complete("MPI_Bcast", waiting) { request in
        unsafe cmpi_bcast(elements.pointer(at: start), count, elements.kind.raw, Int32(root), raw, request)
      }
    }
  }
}
