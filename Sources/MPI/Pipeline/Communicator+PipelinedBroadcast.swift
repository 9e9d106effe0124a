internal import CMPI

extension Communicator {
  /// Copies `buffer` from the first rank of `route` to the others, segment by segment: each rank passes a segment on while
  /// it receives the next.
  ///
  /// Only the ranks of `route` call, with the same route, element count and pipeline. Ranks of one node should follow each
  /// other, so that the buffer travels to each node once. Large buffers take about the time of one link, whatever the number
  /// of ranks; `MPI_Bcast` of Open MPI 4.1 takes several times that at 4 to 15 ranks. Waits are polite.
  public borrowing func pipelinedBroadcast<Element: MPIElement>(
    _ buffer: inout MutableSpan<Element>, along route: [Int], _ pipeline: Pipeline = Pipeline()
  ) throws(MPIError) {
    try buffer.withElements { (elements) throws(MPIError) in
      try forward(elements, along: route, pipeline)
    }
  }

  /// Copies the bytes `range` of `memory` from the first rank of `route` to the others, segment by segment.
  ///
  /// As for a span; no other rank that shares the memory writes to the range.
  public borrowing func pipelinedBroadcast(
    _ memory: NodeMemory, _ range: Range<Int>, along route: [Int], _ pipeline: Pipeline = Pipeline()
  ) throws(MPIError) {
    let bytes = unsafe memory.buffer(of: UInt8.self, at: range.lowerBound, count: range.count)
    try forward(unsafe Elements(bytes), along: route, pipeline)
  }

  private borrowing func forward(
    _ elements: Elements, along route: [Int], _ pipeline: Pipeline
  ) throws(MPIError) {
    let transfer = PipelinedTransfer(elements, along: route, tag: Self.ownTag, pipeline, self)
    // Naps grow with the time since the last segment: a fast link never meets one, a slow one leaves the core to others.
    var naps = Naps()
    while !transfer.isDone {
      if try transfer.advance() { naps = Naps() } else { naps.next() }
    }
  }
}
