import MPI

/// What the ranks of a place tell each other about the factors of a wave without meeting: which are here, and who solves what
/// for the drift corrections. In the memory that they share.
struct FactorBoard {
  /// What travels by itself.
  enum Part: Int, CaseIterable {
    /// The factors of a group.
    case factors
    /// What its drift corrections are solved from.
    case corrections
  }

  /// How far a part is on this place.
  enum State: Int64 {
    case absent
    /// The first bytes have come.
    case travelling
    case here
    /// There will be none: their owner has an error.
    case failed
  }

  private let memory: NodeMemory
  /// A line of the cache for each group: the states of its parts, pieces that were taken, pieces that are finished.
  private static let lineBytes = NodeMemory.alignment

  /// Bytes at the beginning of the memory.
  static func byteCount(groups: Int) -> Int { groups * lineBytes }

  /// The board at the beginning of `memory`.
  init(in memory: NodeMemory) { self.memory = memory }

  private func word(_ group: Int, _ index: Int) -> NodeWord {
    NodeWord(in: memory, at: group * Self.lineBytes + 8 * index)
  }

  /// Nothing is here yet: by one rank, before the others use the board.
  func clear(groups: Int) { for group in 0..<groups { for index in 0..<4 { word(group, index).store(0) } } }

  /// How far a part of a group is.
  func state(_ group: Int, _ part: Part) -> State { State(rawValue: word(group, part.rawValue).load())! }

  /// Says how far it is.
  func set(_ state: State, of group: Int, _ part: Part) { word(group, part.rawValue).store(state.rawValue) }

  /// A piece of the group's work that nobody else gets; pieces that do not exist mean that none is left.
  func nextPiece(_ group: Int) -> Int { Int(word(group, 2).add(1)) }

  /// Says that a piece is done.
  func finishPiece(_ group: Int) { word(group, 3).add(1) }

  /// Pieces that are done.
  func finishedPieces(_ group: Int) -> Int { Int(word(group, 3).load()) }
}
