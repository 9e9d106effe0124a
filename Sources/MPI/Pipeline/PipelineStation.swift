/// Takes part in many pipelined broadcasts at a time, each of which begins when its root has the bytes: nobody else knows when,
/// and nobody waits for it.
///
/// A broadcast is announced along its route by a message with its number; its segments carry a tag of their own. The station
/// belongs to one thread at a time, which need not be the one that made it.
public final class PipelineStation {
  /// One broadcast of a round, as all ranks of its route know it.
  public struct Delivery {
    /// The same on all ranks, in `0 ..< PipelineStation.largestCount`, and of one delivery of the round only.
    public let number: Int
    /// Where the bytes are, or come to.
    public let memory: NodeMemory
    /// Which bytes of the memory.
    public let range: Range<Int>
    /// The root, then the other ranks.
    public let route: [Int]

    /// Makes a delivery.
    public init(number: Int, memory: NodeMemory, range: Range<Int>, route: [Int]) {
      precondition((0..<PipelineStation.largestCount).contains(number), "delivery \(number)")
      (self.number, self.memory, self.range, self.route) = (number, memory, range, route)
    }
  }

  /// What has happened to a delivery on this rank.
  public enum Event: Equatable {
    /// It is on its way.
    case began(Int)
    /// All its bytes are here.
    case arrived(Int)
    /// This rank has nothing to do for it any more.
    case ended(Int)
  }

  /// Deliveries of a round have numbers below this one: each has a tag.
  public static let largestCount = 16_384

  /// The tag of announcements; that of a delivery is its number and one more.
  private static let announcementTag = 0

  private let communicator: Communicator
  private var waiting: [Int: Delivery] = [:]
  private var expected = 0
  private var queue: [Int] = []
  private var running: [(number: Int, transfer: PipelinedTransfer, hasArrived: Bool)] = []
  private var ownRunning = false
  private var announcements: [Transfers] = []
  private var listening: (transfers: Transfers, number: OwningRequest<Int64>.Buffer)?

  /// A station of a communicator that nobody else uses. Collective: the communicator is made from `world`.
  public init(_ world: borrowing Communicator) throws(MPIError) { communicator = try world.duplicate() }

  /// Takes the deliveries of the next round that this rank is on the route of. The round before must be done.
  public func open(_ deliveries: [Delivery]) {
    precondition(isDone, "a round is opened while another runs")
    waiting = Dictionary(uniqueKeysWithValues: deliveries.map { ($0.number, $0) })
    expected = deliveries.count { $0.route[0] != communicator.rank }
  }

  /// Says that the bytes of a delivery whose root this rank is are there. They leave one delivery after the other.
  public func begin(_ number: Int) {
    precondition(waiting[number]?.route[0] == communicator.rank, "delivery \(number) has another root or none")
    queue.append(number)
  }

  /// Whether this rank has nothing left to do in the round.
  public var isDone: Bool { waiting.isEmpty && running.isEmpty && announcements.isEmpty }

  /// Does what can be done without waiting, and says what has happened; nil if nothing moved.
  public func advance() throws(MPIError) -> [Event]? {
    var events: [Event] = []
    var progressed = try listen(&events)
    if !ownRunning, !queue.isEmpty {
      ownRunning = true
      try start(queue.removeFirst(), &events)
    }
    for index in running.indices {
      if try running[index].transfer.advance() { progressed = true }
      let (number, transfer, hasArrived) = running[index]
      if transfer.isComplete, !hasArrived {
        running[index].hasArrived = true
        events.append(.arrived(number))
      }
      guard transfer.isDone else { continue }
      if transfer.source == nil { ownRunning = false }
      events.append(.ended(number))
    }
    running.removeAll { $0.transfer.isDone }
    var pending: [Transfers] = []
    for transfers in announcements { if try !transfers.test() { pending.append(transfers) } }
    announcements = pending
    return progressed || !events.isEmpty ? events : nil
  }

  /// Takes an announcement, if one is there.
  private func listen(_ events: inout [Event]) throws(MPIError) -> Bool {
    guard expected > 0 else { return false }
    if listening == nil {
      let number = OwningRequest<Int64>.Buffer([0])
      let transfers = Transfers("MPI_Irecv", kind: .int64, isReceive: true, owner: number)
      try communicator.startReceive(
        unsafe Elements(number.memory), 0, 1, from: nil, Self.announcementTag, transfers)
      listening = (transfers, number)
    }
    guard let (transfers, number) = listening, try transfers.test() else { return false }
    listening = nil
    expected -= 1
    try start(unsafe Int(number.memory[0]), &events)
    return true
  }

  /// Begins to send or to receive, and tells those who receive from this rank.
  private func start(_ number: Int, _ events: inout [Event]) throws(MPIError) {
    guard let delivery = waiting.removeValue(forKey: number) else {
      preconditionFailure("rank \(communicator.rank) was told of delivery \(number), which it is not on the route of")
    }
    let bytes = unsafe delivery.memory.buffer(
      of: UInt8.self, at: delivery.range.lowerBound, count: delivery.range.count)
    let transfer = PipelinedTransfer(
      unsafe Elements(bytes), along: delivery.route, tag: Int32(number + 1), Pipeline(), communicator)
    for target in transfer.targets {
      let buffer = OwningRequest<Int64>.Buffer([Int64(number)])
      announcements.append(
        try communicator.startSend(
          unsafe Elements(buffer.memory), to: target, tag: Self.announcementTag, owner: buffer))
    }
    running.append((number, transfer, false))
    events.append(.began(number))
  }
}
