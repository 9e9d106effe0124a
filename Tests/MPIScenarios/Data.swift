import MPI

/// The elements that ranks send, and the checks of what arrives.
struct Data: Sendable {
  /// Whether one element that is sent differs from what is expected.
  let isCorrupt: Bool

  /// What rank `rank` is expected to contribute at `index`: different for neighbours, and small enough in 8 bits that four
  /// ranks' sum does not overflow.
  static func value<Element: MPIElement>(_ rank: Int, _ index: Int) -> Element {
    let value = MemoryLayout<Element>.size == 1 ? (rank * 7 + index * 3) % 25 : rank * 1000 + index
    return Element(exactly: value)!
  }

  /// The elements that a rank is expected to contribute.
  static func values<Element: MPIElement>(_ rank: Int, _ count: Int) -> [Element] {
    (0..<count).map { value(rank, $0) }
  }

  /// The elements that a rank contributes.
  func contribution<Element: MPIElement>(_ rank: Int, _ count: Int) -> [Element] {
    var values: [Element] = Self.values(rank, count)
    if isCorrupt && count > 0 { values[count - 1] += 1 }
    return values
  }
}

/// A check that failed.
struct Mismatch: Error, CustomStringConvertible {
  let description: String
}

func expect(_ condition: Bool, _ what: @autoclosure () -> String) throws {
  if !condition { throw Mismatch(description: what()) }
}

func expectEqual<Value: Equatable>(_ found: Value, _ expected: Value, _ what: @autoclosure () -> String) throws {
  if found != expected { throw Mismatch(description: "\(what()): \(found) instead of \(expected)") }
}

/// The ways to run each collective: whole or cut into blocks of 3, spinning or polite.
struct Mode: CustomStringConvertible {
  let blockSize: Int
  let waiting: Waiting

  static let all = [1 << 30, 3].flatMap { size in [Waiting.busy, .polite].map { Mode(blockSize: size, waiting: $0) } }

  var description: String { "blocks of \(blockSize), \(waiting)" }

  /// Runs `body` on a duplicate of `world` in each mode.
  static func forEach(
    _ world: borrowing Communicator, _ body: (borrowing Communicator, Mode) throws -> Void
  ) throws {
    for mode in all {
      var communicator = try world.duplicate()
      communicator.blockSize = mode.blockSize
      try body(communicator, mode)
    }
  }
}
