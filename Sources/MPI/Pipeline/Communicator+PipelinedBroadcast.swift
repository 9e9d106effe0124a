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
    for rank in route { checkRank(rank, "member") }
    precondition(Set(route).count == route.count, "\(route) names a rank twice")
    guard let place = route.firstIndex(of: rank) else {
      preconditionFailure("rank \(rank) is not on the route \(route)")
    }
    if route.count == 1 || elements.count == 0 { return }
    let (shape, segmentBytes) = pipeline.resolved(
      byteCount: elements.count * elements.kind.stride, ranks: route.count)
    let transfer = unsafe PipelinedTransfer(
      elements: elements, segment: min(blockSize, max(1, segmentBytes / elements.kind.stride)),
      sendsInFlight: pipeline.sendsInFlight, source: shape.parent(of: place).map { route[$0] },
      targets: shape.children(of: place, count: route.count).map { route[$0] }, raw: raw)
    try transfer.run()
  }
}

/// One rank's part of a pipelined broadcast: receives segments in order and sends each on once it is complete.
@safe private struct PipelinedTransfer {
  let elements: Elements
  /// Elements of a segment.
  let segment: Int
  let sendsInFlight: Int
  /// The rank that segments come from; nil for the root.
  let source: Int?
  let targets: [Int]
  let raw: CMPIComm

  private var segments: Int { (elements.count + segment - 1) / segment }

  private func count(_ index: Int) -> Int { min(segment, elements.count - index * segment) }

  func run() throws(MPIError) {
    var receiving: [Transfers] = []
    var sending = targets.map { _ in [Transfers]() }
    // Segments whose receive was started; whose elements are here; whose send was started, by target.
    var (posted, complete) = source == nil ? (segments, segments) : (0, 0)
    var sent = targets.map { _ in 0 }
    var naps = Naps()
    while complete < segments || sending.contains(where: { !$0.isEmpty }) || sent.contains(where: { $0 < segments }) {
      var progressed = false
      // One receive more than can be on their way, so that no segment arrives unexpected.
      while posted < min(segments, complete + sendsInFlight + 1) {
        receiving.append(try receive(posted))
        posted += 1
      }
      if let first = receiving.first, try first.test() {
        try first.checkCount(count(complete))
        receiving.removeFirst()
        complete += 1
        progressed = true
      }
      for target in targets.indices {
        if let first = sending[target].first, try first.test() {
          sending[target].removeFirst()
          progressed = true
        }
        while sent[target] < complete, sending[target].count < sendsInFlight {
          sending[target].append(try send(sent[target], to: targets[target]))
          sent[target] += 1
          progressed = true
        }
      }
      // Naps grow with the time since the last segment: a fast link never meets one, a slow one leaves the core to others.
      if progressed { naps = Naps() } else { naps.next() }
    }
  }

  private func receive(_ index: Int) throws(MPIError) -> Transfers {
    let transfers = Transfers("MPI_Irecv", kind: elements.kind, isReceive: true)
    try unsafe transfers.start {
      unsafe cmpi_irecv(
        elements.pointer(at: index * segment), Int32(count(index)), elements.kind.raw, Int32(source!),
        Communicator.ownTag, raw, $0)
    }
    return transfers
  }

  private func send(_ index: Int, to target: Int) throws(MPIError) -> Transfers {
    let transfers = Transfers("MPI_Isend", kind: elements.kind)
    try unsafe transfers.start {
      unsafe cmpi_send(
        elements.pointer(at: index * segment), Int32(count(index)), elements.kind.raw, Int32(target),
        Communicator.ownTag, raw, $0)
    }
    return transfers
  }
}
