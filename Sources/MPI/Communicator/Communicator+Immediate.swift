internal import CMPI

// Each operation returns at once; its request is complete when the blocking operation of the same name would have returned.

extension Communicator {
  /// Starts a barrier.
  ///
  /// Collective. Corresponds to `MPI_Ibarrier`.
  @_lifetime(immortal)
  public borrowing func immediateBarrier() throws(MPIError) -> Request {
    let raw = unsafe raw
    let transfers = Transfers("MPI_Ibarrier", kind: .uint8)
    try unsafe transfers.start { unsafe cmpi_barrier(raw, $0) }
    return Request(transfers)
  }

  /// Starts to copy `buffer` from `root` to every other rank, in place.
  ///
  /// Collective: every rank passes the same `root` and element count. Corresponds to `MPI_Ibcast`.
  @_lifetime(&buffer)
  public borrowing func immediateBroadcast<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, root: Int = 0
  ) throws(MPIError) -> Request {
    let transfers = try buffer.withTransfers { (elements) throws(MPIError) in
      try startBroadcast(elements, root: root)
    }
    return Request(transfers)
  }

  /// Starts to copy the elements from `root` to every other rank; the request keeps them.
  ///
  /// Collective: every rank passes the same `root` and element count. Corresponds to `MPI_Ibcast`.
  public borrowing func immediateBroadcast<Element: MPIElement>(
    owning elements: consuming [Element], root: Int = 0
  ) throws(MPIError) -> OwningRequest<Element> {
    let buffer = OwningRequest<Element>.Buffer(elements)
    return OwningRequest(try startBroadcast(unsafe Elements(buffer.memory), root: root, owner: buffer), buffer)
  }

  /// Starts to combine `buffer` of all ranks, element by element, into `buffer` of `root`.
  ///
  /// Collective: every rank passes the same operator, `root` and element count. Corresponds to `MPI_Ireduce` with
  /// `MPI_IN_PLACE`.
  @_lifetime(&buffer)
  public borrowing func immediateReduce<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, _ operation: ReductionOperator, root: Int = 0
  ) throws(MPIError) -> Request {
    let transfers = try buffer.withTransfers { (elements) throws(MPIError) in
      try startReduce(elements, operation, root: root)
    }
    return Request(transfers)
  }

  /// Starts to combine the elements of all ranks; the request of `root` ends with the result, the others with their own.
  ///
  /// Collective: every rank passes the same operator, `root` and element count. Corresponds to `MPI_Ireduce` with
  /// `MPI_IN_PLACE`.
  public borrowing func immediateReduce<Element: MPIElement>(
    owning elements: consuming [Element], _ operation: ReductionOperator, root: Int = 0
  ) throws(MPIError) -> OwningRequest<Element> {
    let buffer = OwningRequest<Element>.Buffer(elements)
    return OwningRequest(try startReduce(unsafe Elements(buffer.memory), operation, root: root, owner: buffer), buffer)
  }

  /// Starts to send `elements`, which stay unchanged until the request is complete.
  ///
  /// `tag` is in `0 ..< 32767`. Corresponds to `MPI_Isend`.
  @_lifetime(copy elements)
  public borrowing func immediateSend<Element: MPIElement>(
    _ elements: Span<Element>, to destination: Int, tag: Int = 0
  ) throws(MPIError) -> Request {
    let transfers = try elements.withTransfers { (elements) throws(MPIError) in
      try startSend(elements, to: destination, tag: tag)
    }
    return Request(transfers)
  }

  /// Starts to send the elements; the request keeps them.
  ///
  /// `tag` is in `0 ..< 32767`. Corresponds to `MPI_Isend`.
  public borrowing func immediateSend<Element: MPIElement>(
    owning elements: consuming [Element], to destination: Int, tag: Int = 0
  ) throws(MPIError) -> OwningRequest<Element> {
    let buffer = OwningRequest<Element>.Buffer(elements)
    return OwningRequest(
      try startSend(unsafe Elements(buffer.memory), to: destination, tag: tag, owner: buffer), buffer)
  }

  /// Starts to receive a message of exactly `buffer.count` elements.
  ///
  /// Waiting for the request throws the errors of `receive`. Corresponds to `MPI_Irecv`.
  @_lifetime(&buffer)
  public borrowing func immediateReceive<Element: MPIElement>(
    into buffer: inout MutableSpan<Element>, from source: Int, tag: Int = 0
  ) throws(MPIError) -> Request {
    let count = buffer.count
    let transfers = try buffer.withTransfers { (elements) throws(MPIError) in
      try startReceive(elements, from: source, tag: tag)
    }
    return Request(transfers, expected: count)
  }

  /// Starts to receive a message of exactly `count` elements into memory of the request.
  ///
  /// Waiting for the request throws the errors of `receive`. Corresponds to `MPI_Irecv`.
  public borrowing func immediateReceive<Element: MPIElement>(
    _ type: Element.Type = Element.self, count: Int, from source: Int, tag: Int = 0
  ) throws(MPIError) -> OwningRequest<Element> {
    precondition(count >= 0, "a message of \(count) elements")
    let buffer = OwningRequest<Element>.Buffer([Element](repeating: .zero, count: count))
    let transfers = try startReceive(unsafe Elements(buffer.memory), from: source, tag: tag, owner: buffer)
    return OwningRequest(transfers, buffer, expected: count)
  }
}

extension Communicator {
  private borrowing func startBroadcast(_ elements: Elements, root: Int, owner: AnyObject? = nil) throws(MPIError)
    -> Transfers
  {
    checkRank(root, "root")
    let raw = unsafe raw
    let transfers = Transfers("MPI_Ibcast", kind: elements.kind, owner: owner)
    try forEachBlock(elements.count) { (start, count) throws(MPIError) in
      try unsafe transfers.start {
        unsafe cmpi_bcast(elements.pointer(at: start), count, elements.kind.raw, Int32(root), raw, $0)
      }
    }
    return transfers
  }

  private borrowing func startReduce(
    _ elements: Elements, _ operation: ReductionOperator, root: Int, owner: AnyObject? = nil
  ) throws(MPIError) -> Transfers {
    checkRank(root, "root")
    let (raw, isRoot) = unsafe (raw, rank == root)
    let transfers = Transfers("MPI_Ireduce", kind: elements.kind, owner: owner)
    try forEachBlock(elements.count) { (start, count) throws(MPIError) in
      let pointer = unsafe elements.pointer(at: start)
      try unsafe transfers.start {
        unsafe cmpi_reduce(
          isRoot ? cmpi_in_place() : pointer, isRoot ? pointer : nil, count, elements.kind.raw, operation.raw,
          Int32(root), raw, $0)
      }
    }
    return transfers
  }

  borrowing func startSend(
    _ elements: Elements, to destination: Int, tag: Int, owner: AnyObject? = nil
  ) throws(MPIError) -> Transfers {
    checkRank(destination, "destination")
    checkTag(tag)
    let raw = unsafe raw
    let transfers = Transfers("MPI_Isend", kind: elements.kind, owner: owner)
    try forEachMessageBlock(elements.count) { (start, count) throws(MPIError) in
      try unsafe transfers.start {
        unsafe cmpi_send(
          elements.pointer(at: start), count, elements.kind.raw, Int32(destination), Int32(tag), raw, $0)
      }
    }
    return transfers
  }

  borrowing func startReceive(
    _ elements: Elements, from source: Int, tag: Int, owner: AnyObject? = nil
  ) throws(MPIError) -> Transfers {
    checkRank(source, "source")
    checkTag(tag)
    let transfers = Transfers("MPI_Irecv", kind: elements.kind, isReceive: true, owner: owner)
    try forEachMessageBlock(elements.count) { (start, count) throws(MPIError) in
      try startReceive(elements, start, Int(count), from: source, tag, transfers)
    }
    return transfers
  }
}

extension Span where Element: MPIElement {
  /// Calls `body` with the memory of the elements, which outlives the transfers by the lifetime of their request.
  func withTransfers(_ body: (Elements) throws(MPIError) -> Transfers) throws(MPIError) -> Transfers {
    try unsafe withUnsafeBufferPointer { (buffer) throws(MPIError) in try body(unsafe Elements(reading: buffer)) }
  }
}

extension MutableSpan where Element: MPIElement {
  /// Calls `body` with the memory of the elements, which outlives the transfers by the lifetime of their request.
  mutating func withTransfers(_ body: (Elements) throws(MPIError) -> Transfers) throws(MPIError) -> Transfers {
    try unsafe withUnsafeMutableBufferPointer { (buffer) throws(MPIError) in try body(unsafe Elements(buffer)) }
  }
}
