internal import CMPI

extension Communicator {
  /// The number of each rank, in the order of ranks, on every rank.
  ///
  /// Collective. Corresponds to `MPI_Allgather`.
  public borrowing func allGather<Element: MPIElement>(
    _ value: Element, waiting: Waiting = .busy
  ) throws(MPIError) -> [Element] {
    let input = [value]
    return try allGather(input.span, waiting: waiting)
  }

  /// The elements of all ranks, in the order of ranks, on every rank.
  ///
  /// Collective: every rank passes as many elements. Corresponds to `MPI_Allgather`, for many elements to `MPI_Allgatherv`.
  public borrowing func allGather<Element: MPIElement>(
    _ input: Span<Element>, waiting: Waiting = .busy
  ) throws(MPIError) -> [Element] {
    var output = [Element](repeating: .zero, count: input.count * size)
    var span = output.mutableSpan
    try allGatherv(
      input, into: &span, counts: [Int](repeating: input.count, count: size), waiting: waiting)
    return output
  }

  /// The elements of all ranks, in the order of ranks, on every rank.
  ///
  /// Collective: every rank passes as many elements as it likes, also none. Corresponds to `MPI_Allgatherv`, after an
  /// `MPI_Allgather` of the counts.
  public borrowing func allGatherv<Element: MPIElement>(
    _ input: Span<Element>, waiting: Waiting = .busy
  ) throws(MPIError) -> Gathered<Element> {
    let counts = try allGather(Int64(input.count), waiting: waiting).map { Int($0) }
    var output = [Element](repeating: .zero, count: counts.reduce(0, +))
    var span = output.mutableSpan
    try allGatherv(input, into: &span, counts: counts, waiting: waiting)
    return Gathered(output, counts: counts)
  }

  /// Writes the elements of all ranks, in the order of ranks, into `output` of every rank.
  ///
  /// Collective: every rank passes the same `counts`, one per rank, of which its own is `input.count`; `output` has as many
  /// elements as their sum. Corresponds to `MPI_Allgatherv`.
  public borrowing func allGatherv<Element: MPIElement>(
    _ input: Span<Element>, into output: inout MutableSpan<Element>, counts: [Int], waiting: Waiting = .busy
  ) throws(MPIError) {
    checkCounts(counts, own: input.count, total: output.count)
    try output.withElements { (output) throws(MPIError) in
      try input.withElements { (input) throws(MPIError) in
        if counts.reduce(0, +) <= blockSize {
          try allGatherInOneCall(input, output, counts, waiting)
        } else {
          try allGatherInBroadcasts(input, output, counts, waiting)
        }
      }
    }
  }

  private borrowing func allGatherInOneCall(
    _ input: Elements, _ output: Elements, _ counts: [Int], _ waiting: Waiting
  ) throws(MPIError) {
    let raw = unsafe raw
    let lengths = counts.map(Int32.init)
    let starts = prefixSums(counts).map(Int32.init)
    let kind = unsafe input.kind.raw
    // Many elements go rank to rank where the environment has chosen so, which it cannot by size: so by another call.
    if counts.allSatisfy({ $0 == input.count }), output.count * output.kind.stride <= 64 << 10 {
      try unsafe complete("MPI_Allgather", waiting) { request in
        unsafe cmpi_allgather(input.base, lengths[rank], output.base, kind, raw, request)
      }
      return
    }
    // A non-blocking call reads the two arrays until it is complete, so they are pinned around the wait.
    try unsafe lengths.withUnsafeBufferPointer { (lengths) throws(MPIError) in
      try unsafe starts.withUnsafeBufferPointer { (starts) throws(MPIError) in
        try unsafe complete("MPI_Allgatherv", waiting) { request in
          unsafe cmpi_allgatherv(
            input.base, Int32(input.count), output.base, lengths.baseAddress, starts.baseAddress, kind, raw, request)
        }
      }
    }
  }

  /// Displacements of `MPI_Allgatherv` have 32 bits too, so a larger sum goes in one broadcast for each rank.
  private borrowing func allGatherInBroadcasts(
    _ input: Elements, _ output: Elements, _ counts: [Int], _ waiting: Waiting
  ) throws(MPIError) {
    for (root, first) in prefixSums(counts).enumerated() {
      if root == rank { output.copy(input, from: 0, to: first, count: input.count) }
      let part = unsafe Elements(output.pointer(at: first), count: counts[root], kind: input.kind)
      try broadcast(part, root: root, waiting: waiting)
    }
  }
}
