internal import CMPI

extension Communicator {
  /// The elements of all ranks, in the order of ranks, on `root`; `nil` on the other ranks.
  ///
  /// Collective: every rank passes the same `root` and as many elements. Corresponds to `MPI_Gather`.
  public borrowing func gather<Element: MPIElement>(
    _ input: Span<Element>, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> [Element]? {
    let counts = [Int](repeating: input.count, count: size)
    var output = [Element](repeating: .zero, count: rank == root ? input.count * size : 0)
    var span = output.mutableSpan
    try gatherv(input, into: &span, counts: counts, root: root, waiting: waiting)
    return rank == root ? output : nil
  }

  /// The elements of all ranks, in the order of ranks, on `root`; `nil` on the other ranks.
  ///
  /// Collective: every rank passes the same `root`, and as many elements as it likes, also none. Corresponds to
  /// `MPI_Gatherv`, after an `MPI_Allgather` of the counts.
  public borrowing func gatherv<Element: MPIElement>(
    _ input: Span<Element>, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> Gathered<Element>? {
    let counts = try allGather(Int64(input.count), waiting: waiting).map { Int($0) }
    var output = [Element](repeating: .zero, count: rank == root ? counts.reduce(0, +) : 0)
    var span = output.mutableSpan
    try gatherv(input, into: &span, counts: counts, root: root, waiting: waiting)
    return rank == root ? Gathered(output, counts: counts) : nil
  }

  /// Writes the elements of all ranks, in the order of ranks, into `output` of `root`.
  ///
  /// Collective: every rank passes the same `root` and the same `counts`, one per rank, of which its own is
  /// `input.count`. On `root`, `output` has as many elements as their sum; elsewhere it may be empty and is not touched.
  /// Corresponds to `MPI_Gatherv`.
  public borrowing func gatherv<Element: MPIElement>(
    _ input: Span<Element>, into output: inout MutableSpan<Element>, counts: [Int], root: Int = 0,
    waiting: Waiting = .busy
  ) throws(MPIError) {
    checkRank(root, "root")
    checkCounts(counts, own: input.count, total: rank == root ? output.count : nil)
    try output.withElements { (output) throws(MPIError) in
      try input.withElements { (input) throws(MPIError) in
        if counts.reduce(0, +) <= blockSize {
          try gatherInOneCall(input, output, counts, root: root, waiting)
        } else {
          try gatherInMessages(input, output, counts, root: root, waiting)
        }
      }
    }
  }

  private borrowing func gatherInOneCall(
    _ input: Elements, _ output: Elements, _ counts: [Int], root: Int, _ waiting: Waiting
  ) throws(MPIError) {
    let raw = unsafe raw
    let lengths = counts.map(Int32.init)
    let starts = prefixSums(counts).map(Int32.init)
    let kind = unsafe input.kind.raw
    if counts.allSatisfy({ $0 == input.count }) {
      try unsafe complete("MPI_Gather", waiting) { request in
        unsafe cmpi_gather(input.base, lengths[rank], output.base, kind, Int32(root), raw, request)
      }
      return
    }
    // A non-blocking call reads the two arrays until it is complete, so they are pinned around the wait.
    try unsafe lengths.withUnsafeBufferPointer { (lengths) throws(MPIError) in
      try unsafe starts.withUnsafeBufferPointer { (starts) throws(MPIError) in
        try unsafe complete("MPI_Gatherv", waiting) { request in
          unsafe cmpi_gatherv(
            input.base, Int32(input.count), output.base, lengths.baseAddress, starts.baseAddress, kind, Int32(root),
            raw,
            request)
        }
      }
    }
  }

  /// Displacements of `MPI_Gatherv` have 32 bits too, so a larger sum goes in messages.
  private borrowing func gatherInMessages(
    _ input: Elements, _ output: Elements, _ counts: [Int], root: Int, _ waiting: Waiting
  ) throws(MPIError) {
    let raw = unsafe raw
    let kind = input.kind
    let transfers = Transfers("MPI_Gatherv", kind: kind)
    if rank != root {
      try forEachBlock(input.count) { (start, count) throws(MPIError) in
        try unsafe transfers.start {
          unsafe cmpi_send(input.pointer(at: start), count, kind.raw, Int32(root), Self.ownTag, raw, $0)
        }
      }
    } else {
      for (source, first) in prefixSums(counts).enumerated() {
        if source == rank {
          output.copy(input, from: 0, to: first, count: input.count)
          continue
        }
        try forEachBlock(counts[source]) { (start, count) throws(MPIError) in
          try unsafe transfers.start {
            unsafe cmpi_irecv(output.pointer(at: first + start), count, kind.raw, Int32(source), Self.ownTag, raw, $0)
          }
        }
      }
    }
    try transfers.wait(waiting)
  }

  /// Traps unless there is one count for each rank, and `own` and `total` agree with them.
  borrowing func checkCounts(_ counts: [Int], own: Int, total: Int?) {
    precondition(counts.count == size, "\(counts.count) counts for \(size) ranks")
    precondition(counts.allSatisfy { $0 >= 0 }, "a count of \(counts) is negative")
    precondition(own == counts[rank], "rank \(rank) has \(own) elements, its count is \(counts[rank])")
    if let total {
      let sum = counts.reduce(0, +)
      precondition(total == sum, "the buffer has \(total) elements, the counts have the sum \(sum)")
    }
  }
}
