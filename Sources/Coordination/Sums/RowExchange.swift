import MPI

/// What every rank has solved, on every rank: one copy where ranks of a node share memory, else one for each.
struct RowExchange {
  /// The bytes, if they are not shared.
  private var copy: [UInt8] = []
  /// The bytes, if they are.
  private var shared: NodeMemory?
  /// Where the bytes of each rank are.
  private var places: [Range<Int>] = []

  /// Gathers `own` of all ranks. Collective; nobody uses what was in `window` before.
  ///
  /// All ranks have just met, so none waits for long; naps between pieces would slow the network down.
  init(
    _ own: [UInt8], _ nodes: NodeLayout, _ window: LastingWindow, _ world: borrowing Communicator
  ) throws(MPIError) {
    let counts = try world.allGather(Int64(own.count), waiting: .polite).map { Int($0) }
    if try share(own, counts, nodes, window, world) { return }
    places = Self.places(counts, order: Array(counts.indices))
    copy = [UInt8](repeating: 0, count: counts.reduce(0, +))
    var span = copy.mutableSpan
    try world.allGatherv(own.span, into: &span, counts: counts)
  }

  /// Calls `body` with the bytes of a rank.
  func withBytes(ofRank rank: Int, _ body: (UnsafeRawBufferPointer) -> Void) {
    let place = places[rank]
    if let shared {
      body(UnsafeRawBufferPointer(shared.elements(of: UInt8.self, at: place.lowerBound, count: place.count)))
    } else {
      copy.withUnsafeBytes { body(UnsafeRawBufferPointer(rebasing: $0[place])) }
    }
  }

  /// Each rank writes to the memory of its node; then leaders send each other what their nodes have. False if memory cannot be shared.
  private mutating func share(
    _ own: [UInt8], _ counts: [Int], _ nodes: NodeLayout, _ window: LastingWindow, _ world: borrowing Communicator
  ) throws(MPIError) -> Bool {
    guard nodes.sharesMemory else { return false }
    let total = counts.reduce(0, +)
    try window.release(below: total, nodes)
    let fits = window.hasRoom(for: total)
    guard try world.allReduce(Int64(fits ? 1 : 0), .minimum, waiting: .polite) == 1 else { return false }
    // Ranks of a node lie beside each other.
    places = Self.places(counts, order: Array(nodes.nodes.joined()))
    let memory = try window.shared(total, nodes)
    memory.write(own.span, at: places[world.rank].lowerBound)
    try window.publish(nodes)
    if nodes.nodes.count > 1 {
      if nodes.node.rank == 0 {
        let byNode = nodes.nodes.map { $0.reduce(0) { $0 + counts[$1] } }
        let place = places[world.rank].lowerBound
        let block = memory.read(UInt8.self, at: place, count: byNode[nodes.nodeOfRank[world.rank]])
        let target = memory.mutableElements(of: UInt8.self, at: 0, count: total)
        var span = target.mutableSpan
        try nodes.leaders.allGatherv(block.span, into: &span, counts: byNode)
      }
      try window.publish(nodes)
    }
    shared = memory
    return true
  }

  private static func places(_ counts: [Int], order: [Int]) -> [Range<Int>] {
    var (places, end) = (counts.map { _ in 0..<0 }, 0)
    for rank in order {
      places[rank] = end..<end + counts[rank]
      end += counts[rank]
    }
    return places
  }
}
