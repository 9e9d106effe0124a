import MPI

/// `CommBenchOperation.pipelined`: from rank 0 to one rank of each node, into memory that the node shares.
final class PipelinedTrial: CommBenchTrial {
  private let count: Int
  private let pipeline: Pipeline
  private let nodes: NodeLayout
  /// Rank 0, then the first rank of every other place that has a copy.
  private let route: [Int]
  private var memory: NodeMemory
  /// At rank 0 what is sent, which is copied to the shared memory first, as factors are.
  private var source: [UInt32] = []
  private var window: NodeWindow?

  private var byteCount: Int { 4 * count }

  /// Allocates. Collective.
  init(count: Int, pipeline: Pipeline, nodes: NodeLayout, _ world: borrowing Communicator) throws {
    (self.count, self.pipeline, self.nodes) = (count, pipeline, nodes)
    let fits = nodes.node.size == 1 || NodeWindow.hasRoom(for: 4 * count)
    let shares = try nodes.sharesMemory && world.allReduce(Int64(fits ? 1 : 0), .minimum, waiting: .polite) == 1
    route = shares ? nodes.nodes.map { $0[0] } : Array(0..<world.size)
    if shares && nodes.node.size > 1 {
      let window = try NodeWindow(byteCount: 4 * count, on: nodes.node)
      memory = window.memory
      self.window = consume window
    } else {
      memory = NodeMemory(byteCount: 4 * count)
    }
  }

  func prepare(round: Int, _ world: borrowing Communicator) throws {
    let pattern = CommBenchPattern(rank: world.rank, round: round)
    if world.rank == 0 {
      if source.isEmpty { source = Array(repeating: 0, count: count) }
      pattern.fill(&source, pattern.word)
    }
    if route.contains(world.rank) {
      var elements = [UInt32](repeating: 0, count: count)
      pattern.fill(&elements) { ~pattern.word($0) }
      memory.write(elements.span, at: 0)
    }
    try publish()
  }

  func run(_ world: borrowing Communicator) throws {
    if world.rank == 0 {
      let source = source
      memory.write(source.span, at: 0)
    }
    if route.contains(world.rank) {
      try world.pipelinedBroadcast(memory, 0..<byteCount, along: route, pipeline)
    }
    try publish()
  }

  func wrong(round: Int, _ world: borrowing Communicator) throws -> Int {
    let wrong = CommBenchPattern.wrong(
      in: memory.elements(of: UInt32.self, at: 0, count: count), CommBenchPattern(rank: 0, round: round).word)
    // Nobody writes the next repetition's before all have read.
    try publish()
    return wrong
  }

  func finish() throws {
    // A window is freed when nobody refers to its memory.
    memory = NodeMemory(byteCount: 0)
    if let window = window.take() { try window.free(on: nodes.node) }
  }

  private func publish() throws {
    if let window = window.take() {
      try window.publish(on: nodes.node)
      self.window = consume window
    }
  }
}
