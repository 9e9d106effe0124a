internal import CMPI

extension Communicator {
  /// Combines `buffer` of all ranks, element by element, and leaves the result in `buffer` of `root`.
  ///
  /// Collective: every rank passes the same operator, `root` and element count. The other ranks' buffers keep their
  /// elements. Corresponds to `MPI_Reduce` with `MPI_IN_PLACE`.
  public borrowing func reduce<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, _ operation: ReductionOperator, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    try buffer.withElements { (elements) throws(MPIError) in
      try reduce(nil, elements, operation, root: root, waiting: waiting)
    }
  }

  /// Combines `buffer` of all ranks, element by element, and leaves the result in `buffer` of `root`.
  ///
  /// Collective: every rank passes the same operator, `root` and element count. The other ranks' buffers keep their
  /// elements. Corresponds to `MPI_Reduce` with `MPI_IN_PLACE`.
  public borrowing func reduce<Element: MPIElement>(
    _ buffer: inout [Element], _ operation: ReductionOperator, root: Int = 0, waiting: Waiting = .busy
  ) throws(MPIError) {
    var span = buffer.mutableSpan
    try reduce(&span, operation, root: root, waiting: waiting)
  }

  /// Combines `input` of all ranks, element by element, into `output` of `root`.
  ///
  /// Collective: every rank passes the same operator, `root` and element count of `input`. On `root`, `output` has as many
  /// elements; elsewhere it may be empty and is not touched. Corresponds to `MPI_Reduce`.
  public borrowing func reduce<Element: MPIElement>(
    _ input: Span<Element>, into output: inout MutableSpan<Element>, _ operation: ReductionOperator, root: Int = 0,
    waiting: Waiting = .busy
  ) throws(MPIError) {
    precondition(
      rank != root || output.count == input.count, "\(input.count) elements do not fit \(output.count) of output")
    try output.withElements { (target) throws(MPIError) in
      try input.withElements { (source) throws(MPIError) in
        try reduce(source, target, operation, root: root, waiting: waiting)
      }
    }
  }

  /// Combines `buffer` of all ranks, element by element, and leaves the result in every rank's `buffer`.
  ///
  /// Collective: every rank passes the same operator and element count. Corresponds to `MPI_Allreduce` with `MPI_IN_PLACE`.
  public borrowing func allReduce<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, _ operation: ReductionOperator, waiting: Waiting = .busy
  ) throws(MPIError) {
    let raw = unsafe raw
    try buffer.withElements { (elements) throws(MPIError) in
      try forEachBlock(elements.count) { (start, count) throws(MPIError) in
        try unsafe complete("MPI_Allreduce", waiting) { request in
          unsafe cmpi_allreduce(
            cmpi_in_place(), elements.pointer(at: start), count, elements.kind.raw, operation.raw, raw, request)
        }
      }
    }
  }

  /// Combines `buffer` of all ranks, element by element, and leaves the result in every rank's `buffer`.
  ///
  /// Collective: every rank passes the same operator and element count. Corresponds to `MPI_Allreduce` with `MPI_IN_PLACE`.
  public borrowing func allReduce<Element: MPIElement>(
    _ buffer: inout [Element], _ operation: ReductionOperator, waiting: Waiting = .busy
  ) throws(MPIError) {
    var span = buffer.mutableSpan
    try allReduce(&span, operation, waiting: waiting)
  }

  /// The combination of `value` of all ranks, on every rank.
  ///
  /// Collective. Corresponds to `MPI_Allreduce`.
  public borrowing func allReduce<Element: MPIElement>(
    _ value: Element, _ operation: ReductionOperator, waiting: Waiting = .busy
  ) throws(MPIError) -> Element {
    var values = [value]
    try allReduce(&values, operation, waiting: waiting)
    return values[0]
  }

  /// Cuts a reduction into blocks; `input` is `nil` for one in place.
  private borrowing func reduce(
    _ input: Elements?, _ output: Elements, _ operation: ReductionOperator, root: Int, waiting: Waiting
  ) throws(MPIError) {
    checkRank(root, "root")
    let (raw, isRoot) = unsafe (raw, rank == root)
    let source = input ?? output
    try forEachBlock(source.count) { (start, count) throws(MPIError) in
      // In place, the root passes MPI_IN_PLACE for its input; the other ranks pass their elements, and no output.
      let from = unsafe isRoot && input == nil ? cmpi_in_place() : source.pointer(at: start)
      let to = unsafe isRoot ? output.pointer(at: start) : nil
      try unsafe complete("MPI_Reduce", waiting) { request in
        unsafe cmpi_reduce(from, to, count, source.kind.raw, operation.raw, Int32(root), raw, request)
      }
    }
  }
}
