internal import CMPI

extension Communicator {
  /// This rank's part of the elements that `root` passes.
  ///
  /// Collective: `elements` and `counts`, one per rank and with the sum `elements.count`, are read on `root` only; the first
  /// `counts[0]` elements are for rank 0, and so on. Corresponds to `MPI_Scatterv`, after an `MPI_Bcast` of the counts.
  public borrowing func scatterv<Element: MPIElement>(
    _ elements: Span<Element>, counts: [Int], root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) -> [Element] {
    checkRank(root, "root")
    precondition(rank != root || counts.count == size, "\(counts.count) counts for \(size) ranks")
    var known = rank == root ? counts.map { Int64($0) } : [Int64](repeating: 0, count: size)
    try broadcast(&known, root: root, waiting: waiting)
    let all = known.map { Int($0) }
    var output = [Element](repeating: .zero, count: all[rank])
    var span = output.mutableSpan
    try scatterv(elements, into: &span, counts: all, root: root, waiting: waiting)
    return output
  }

  /// Writes this rank's part of the elements that `root` passes into `output`.
  ///
  /// Collective: every rank passes the same `counts`, one per rank, of which its own is `output.count`. On `root`,
  /// `elements` has as many elements as their sum; elsewhere it is not read. Corresponds to `MPI_Scatterv`.
  public borrowing func scatterv<Element: MPIElement>(
    _ elements: Span<Element>, into output: inout MutableSpan<Element>, counts: [Int], root: Int = 0,
    waiting: Waiting = .busy
  ) throws(MPIError) {
    checkRank(root, "root")
    checkCounts(counts, own: output.count, total: rank == root ? elements.count : nil)
    try output.withElements { (output) throws(MPIError) in
      try elements.withElements { (input) throws(MPIError) in
        if counts.reduce(0, +) <= blockSize {
          try scatterInOneCall(input, output, counts, root: root, waiting)
        } else {
          try scatterInMessages(input, output, counts, root: root, waiting)
        }
      }
    }
  }

  private borrowing func scatterInOneCall(
    _ input: Elements, _ output: Elements, _ counts: [Int], root: Int, _ waiting: Waiting
  ) throws(MPIError) {
    let raw = unsafe raw
    let lengths = counts.map(Int32.init)
    let starts = prefixSums(counts).map(Int32.init)
    // A non-blocking call reads the two arrays until it is complete, so they are pinned around the wait.
    try unsafe lengths.withUnsafeBufferPointer { (lengths) throws(MPIError) in
      try unsafe starts.withUnsafeBufferPointer { (starts) throws(MPIError) in
        try unsafe complete("MPI_Scatterv", waiting) { request in
          unsafe cmpi_scatterv(
            input.base, lengths.baseAddress, starts.baseAddress, output.base, Int32(output.count), input.kind.raw,
            Int32(root), raw, request)
        }
      }
    }
  }

  /// Displacements of `MPI_Scatterv` have 32 bits too, so a larger sum goes in messages.
  private borrowing func scatterInMessages(
    _ input: Elements, _ output: Elements, _ counts: [Int], root: Int, _ waiting: Waiting
  ) throws(MPIError) {
    let raw = unsafe raw
    let kind = input.kind
    let transfers = Transfers("MPI_Scatterv", kind: kind)
    if rank != root {
      try forEachBlock(output.count) { (start, count) throws(MPIError) in
        try unsafe transfers.start {
          unsafe cmpi_irecv(output.pointer(at: start), count, kind.raw, Int32(root), Self.ownTag, raw, $0)
        }
      }
    } else {
      for (target, first) in prefixSums(counts).enumerated() {
        if target == rank {
          output.copy(input, from: first, to: 0, count: output.count)
          continue
        }
        try forEachBlock(counts[target]) { (start, count) throws(MPIError) in
          try unsafe transfers.start {
            unsafe cmpi_send(input.pointer(at: first + start), count, kind.raw, Int32(target), Self.ownTag, raw, $0)
          }
        }
      }
    }
    try transfers.wait(waiting)
  }
}
