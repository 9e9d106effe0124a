import LinearAlgebra
import MPI
import Quantization

/// The factors of a wave between their owners and the ranks that solve rows with them, while both are at work.
///
/// They travel once to each node that has such ranks, in a pipeline between nodes, into memory that the node's ranks share:
/// one copy per node. Each group sets out when its owner has made it, what drift corrections are solved from before U is known
/// (`deliver`), and is used when it is there (`isHere`). Where `/dev/shm` has no room on some node, each rank takes part in the
/// pipelines and has a copy.
///
/// Between `init` and `finish` the rank's own threads call nothing of MPI: the courier does.
final class FactorExchange: @unchecked Sendable {
  /// What each group's factors take.
  let layouts: [FactorLayout]
  /// Which way they go.
  let routes: FactorRoutes
  /// Whether all ranks of the node write to and read from the same memory.
  let isShared: Bool
  private let memory: NodeMemory
  private let board: FactorBoard
  /// Where the groups begin that this place gets a copy of.
  private let offsets: [Int: Int]
  private let courier: FactorCourier
  /// Threads of all ranks of the place.
  private let workers: Int

  /// Makes room, and sets the courier out. Collective; waits are polite.
  ///
  /// - Parameters:
  ///   - layouts: what each group's factors take.
  ///   - owners: of each group.
  ///   - holders: the ranks that solve rows of each group.
  ///   - threads: of each rank of the node, which may differ.
  ///   - mayShare: whether ranks of a node may share what they get; the same on all ranks.
  ///   - shared: where what the ranks of the node share is put; what was in it before is used by nobody any more.
  init(
    nodes: NodeLayout, layouts: [FactorLayout], owners: [Int], holders: [[Int]], threads: [Int], mayShare: Bool,
    in shared: LastingWindow,
    _ courier: FactorCourier, _ traffic: inout FactorTraffic, _ timer: PhaseTimer, _ world: borrowing Communicator
  ) throws {
    func routes(shares: Bool) -> FactorRoutes {
      FactorRoutes(
        places: shares ? nodes.nodes : nodes.nodeOfRank.indices.map { [$0] }, owners: owners, holders: holders)
    }
    func contents(_ routes: FactorRoutes) -> (offsets: [Int: Int], byteCount: Int) {
      let (offsets, count) = routes.contents(
        ofPlace: routes.placeOfRank[world.rank], byteCounts: layouts.map(\.byteCount))
      let first = FactorBoard.byteCount(groups: layouts.count)
      return (offsets.mapValues { $0 + first }, offsets.isEmpty ? 0 : first + count)
    }
    var fits = mayShare && nodes.sharesMemory
    if fits && nodes.node.size > 1 {
      let byteCount = contents(routes(shares: true)).byteCount
      try shared.release(below: byteCount, nodes)
      fits = shared.hasRoom(for: byteCount)
    }
    // Also the point where nobody uses the factors of the wave before any more.
    let shares = try world.allReduce(Int64(fits ? 1 : 0), .minimum, waiting: .polite) == 1
    self.routes = routes(shares: shares)
    (self.layouts, self.courier) = (layouts, courier)
    let (offsets, byteCount) = contents(self.routes)
    self.offsets = offsets
    let place = self.routes.places[self.routes.placeOfRank[world.rank]]
    isShared = place.count > 1 && byteCount > 0
    // The same on all ranks of the place, since they cut corrections into so many pieces.
    workers = isShared ? threads.reduce(0, +) : threads[nodes.node.rank]
    traffic.count(self.routes, layouts, shares: shares)

    if self.routes.routes.contains(where: { $0.ranks.count > 1 }) { try courier.prepare(world) }
    memory = isShared ? try shared.shared(byteCount, nodes) : NodeMemory(byteCount: byteCount)
    board = FactorBoard(in: memory)
    if place[0] == world.rank, byteCount > 0 { board.clear(groups: layouts.count) }
    if isShared { try shared.publish(nodes) }
    let deliveries = self.routes.routes.enumerated().flatMap { group, route -> [PipelineStation.Delivery] in
      guard route.ranks.count > 1, route.ranks.contains(world.rank) else { return [] }
      let (start, layout) = (offsets[group]!, layouts[group])
      let factors = start..<start + layout.factorBytes.count
      return zip(FactorBoard.Part.allCases, [factors, factors.upperBound..<start + layout.byteCount])
        .filter { !$0.1.isEmpty }
        .map { part, range in
          PipelineStation.Delivery(
            number: Self.number(group, part), memory: memory, range: range, route: route.ranks)
        }
    }
    courier.start(deliveries, timer.clock) { [board, memory] event in
      switch event {
      case .began(let number):
        let (group, part) = Self.part(number)
        if board.state(group, part) == .absent { board.set(.travelling, of: group, part) }
      case .arrived(let number), .ended(let number):
        let (group, part) = Self.part(number)
        // Corrections take the place of what they are solved from: not before that has gone on.
        if part == .corrections, event == .arrived(number) { break }
        board.set(layouts[group].isComplete(in: memory, at: offsets[group]!, part) ? .here : .failed, of: group, part)
      }
    }
  }

  /// The number of a delivery.
  private static func number(_ group: Int, _ part: FactorBoard.Part) -> Int {
    group * FactorBoard.Part.allCases.count + part.rawValue
  }

  /// What a delivery is.
  static func part(_ number: Int) -> (group: Int, part: FactorBoard.Part) {
    let (group, part) = number.quotientAndRemainder(dividingBy: FactorBoard.Part.allCases.count)
    return (group, FactorBoard.Part(rawValue: part)!)
  }

  /// The most groups of a wave.
  static let largestGroupCount = PipelineStation.largestCount / FactorBoard.Part.allCases.count

  /// Whether a group's factors are used by their owner alone, who keeps them: nothing below is for them.
  func staysAtOwner(_ group: Int) -> Bool { routes.routes[group].staysAtOwner }

  // MARK: At the owner

  /// Where the owner writes U of a Hessian.
  func inverse(_ group: Int, _ hessian: Int) -> UnsafeMutablePointer<Float> {
    layouts[group].inverse(hessian, in: memory, at: offsets[group]!)
  }

  /// Where the owner writes the scaled cross moments of a Hessian.
  func crossMoments(_ group: Int, _ hessian: Int) -> UnsafeMutablePointer<Float> {
    layouts[group].drift(hessian, in: memory, at: offsets[group]!).baseAddress!
  }

  /// Writes what a factor is beside its U.
  func write(_ parameters: SharedFactor.Parameters, _ group: Int, _ hessian: Int) {
    layouts[group].write(parameters, hessian: hessian, to: memory, at: offsets[group]!)
  }

  /// Says that a part of a group is written: it can be sent and used. From any thread of the owner.
  func deliver(_ group: Int, _ part: FactorBoard.Part) {
    let travels = routes.routes[group].ranks.count > 1
    if !travels || part == .factors {
      board.set(layouts[group].isComplete(in: memory, at: offsets[group]!, part) ? .here : .failed, of: group, part)
    }
    if travels { courier.send(Self.number(group, part)) }
  }

  /// Says that a group will have no factors, so that nobody waits for them. From any thread of the owner.
  ///
  /// - Parameter corrections: whether what corrections are solved from was not delivered before.
  func fail(_ group: Int, corrections: Bool) {
    if staysAtOwner(group) { return }
    layouts[group].writeFailure(to: memory, at: offsets[group]!)
    if corrections, layouts[group].hasDrift { deliver(group, .corrections) }
    deliver(group, .factors)
  }

  // MARK: Where factors are used

  /// The groups that this place gets a copy of, ascending.
  var groups: [Int] { offsets.keys.sorted() }

  /// Whether a group's factors are here for all ranks of the place.
  func isHere(_ group: Int) -> Bool { offsets[group] != nil && board.state(group, .factors) == .here }

  /// Whether corrections can be solved for: all is here that they take.
  func isCorrectable(_ group: Int) -> Bool { isHere(group) && board.state(group, .corrections) == .here }

  /// Whether a group will have no factors.
  func hasFailed(_ group: Int) -> Bool { offsets[group] != nil && board.state(group, .factors) == .failed }

  /// Whether the factors of one of `groups` are on their way to this place.
  func isAnyTravelling(_ groups: Set<Int>) -> Bool {
    groups.contains { group in
      offsets[group] != nil && FactorBoard.Part.allCases.contains { board.state(group, $0) == .travelling }
    }
  }

  /// The factors of a group that is here, read where they lie.
  func factors(_ group: Int) throws -> [SharedFactor] {
    try (0..<layouts[group].hessians).map { try layouts[group].factor($0, in: memory, at: offsets[group]!) }
  }

  /// Solves for pieces of a group's drift corrections until none is left, with ranks that share the memory: each of their
  /// threads has one, if all come.
  func solveDrift(_ group: Int, _ factors: [SharedFactor], threads: Int) {
    let pieces = pieceCount(group)
    let tiles = DriftCorrection.tileCount(columns: layouts[group].columns)
    Parallel.forEach(threads, threads: threads) { [self] _ in
      while true {
        let piece = board.nextPiece(group)
        if piece >= pieces { return }
        // The tiles of all Hessians in one line.
        let all = factors.count * tiles
        let own = piece * all / pieces..<(piece + 1) * all / pieces
        for hessian in factors.indices {
          let range = own.clamped(to: hessian * tiles..<(hessian + 1) * tiles)
          guard !range.isEmpty else { continue }
          DriftCorrection.solve(
            crossMoments(group, hessian),
            tiles: range.lowerBound - hessian * tiles..<range.upperBound - hessian * tiles,
            factor: factors[hessian])
        }
        board.finishPiece(group)
      }
    }
  }

  /// Whether all of a group's corrections are there, or there are none to be solved for.
  func hasDrift(_ group: Int) -> Bool {
    !layouts[group].hasDrift || board.finishedPieces(group) == pieceCount(group)
  }

  /// A group's corrections, read where they lie; nil if there are none.
  func drifts(_ group: Int) -> [DriftCorrection]? {
    guard layouts[group].hasDrift else { return nil }
    return (0..<layouts[group].hessians).map { hessian in
      DriftCorrection(
        columns: layouts[group].columns,
        update: FloatStorage(
          UnsafeBufferPointer(layouts[group].drift(hessian, in: memory, at: offsets[group]!)), owner: memory))
    }
  }

  private func pieceCount(_ group: Int) -> Int {
    min(workers, layouts[group].hessians * DriftCorrection.tileCount(columns: layouts[group].columns))
  }

  /// Waits until the courier is back, and tells what it carried.
  func finish() -> [FactorCourier.Transfer] { courier.finish() }
}
