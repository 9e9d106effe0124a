internal import CMPI

/// One rank's part of a pipelined broadcast, which goes on whenever it is asked to: receives segments in order and sends each on
/// once it is complete.
@safe final class PipelinedTransfer {
  private let elements: Elements
  /// Elements of a segment.
  private let segment: Int
  private let sendsInFlight: Int
  /// The rank that segments come from; nil for the root.
  let source: Int?
  /// The ranks that segments are sent on to.
  let targets: [Int]
  private let tag: Int32
  private let raw: CMPIComm
  private let segments: Int
  private var receiving: [Transfers] = []
  private var sending: [[Transfers]]
  // Segments whose receive was started; whose elements are here; whose send was started, by target.
  private var posted = 0
  private var complete = 0
  private var sent: [Int]

  /// The part of a rank of `route`, whose first rank has the elements.
  init(
    _ elements: Elements, along route: [Int], tag: Int32, _ pipeline: Pipeline, _ communicator: borrowing Communicator
  ) {
    for rank in route { communicator.checkRank(rank, "member") }
    precondition(Set(route).count == route.count, "\(route) names a rank twice")
    guard let place = route.firstIndex(of: communicator.rank) else {
      preconditionFailure("rank \(communicator.rank) is not on the route \(route)")
    }
    let (shape, segmentBytes) = pipeline.resolved(
      byteCount: elements.count * elements.kind.stride, ranks: route.count)
    (self.elements, self.tag, sendsInFlight) = (elements, tag, pipeline.sendsInFlight)
    unsafe raw = communicator.raw
    segment = min(communicator.blockSize, max(1, segmentBytes / elements.kind.stride))
    segments = (elements.count + segment - 1) / segment
    source = shape.parent(of: place).map { route[$0] }
    targets = shape.children(of: place, count: route.count).map { route[$0] }
    (sending, sent) = (targets.map { _ in [] }, targets.map { _ in 0 })
    if source == nil { (posted, complete) = (segments, segments) }
  }

  /// Whether all elements are here.
  var isComplete: Bool { complete == segments }

  /// Whether they are, and have gone on to all targets.
  var isDone: Bool { isComplete && sending.allSatisfy(\.isEmpty) && sent.allSatisfy { $0 == segments } }

  private func count(_ index: Int) -> Int { min(segment, elements.count - index * segment) }

  /// Starts and completes what can be; whether that was anything.
  func advance() throws(MPIError) -> Bool {
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
    return progressed
  }

  private func receive(_ index: Int) throws(MPIError) -> Transfers {
    let transfers = Transfers("MPI_Irecv", kind: elements.kind, isReceive: true)
    try unsafe transfers.start {
      unsafe cmpi_irecv(
        elements.pointer(at: index * segment), Int32(count(index)), elements.kind.raw, Int32(source!), tag, raw, $0)
    }
    return transfers
  }

  private func send(_ index: Int, to target: Int) throws(MPIError) -> Transfers {
    let transfers = Transfers("MPI_Isend", kind: elements.kind)
    try unsafe transfers.start {
      unsafe cmpi_send(
        elements.pointer(at: index * segment), Int32(count(index)), elements.kind.raw, Int32(target), tag, raw, $0)
    }
    return transfers
  }
}
