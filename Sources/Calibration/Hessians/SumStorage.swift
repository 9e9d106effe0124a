import Synchronization

/// Where sums are added up: in an array of this process, or in memory that ranks of a node share.
enum SumStorage: Sendable {
  case own(OwnSums)
  case shared(SharedSumMemory)

  /// An array under one lock.
  final class OwnSums: Sendable {
    let sums: Mutex<[Int64]>

    init(count: Int) { sums = Mutex(LargeArray.zeros(count)) }
  }

  /// `count` zero sums, or those of `memory`.
  init(count: Int, _ memory: SharedSumMemory?) {
    precondition(memory?.count ?? count == count, "\(memory?.count ?? 0) shared sums, \(count) are needed")
    self = memory.map { .shared($0) } ?? .own(OwnSums(count: count))
  }

  /// Calls `body` for ranges of rows that together are `rows` rows, while nobody else adds to these.
  func forEachSlice(ofRows rows: Int, _ body: (Range<Int>, UnsafeMutablePointer<Int64>) -> Void) {
    switch self {
    case .own(let own):
      own.sums.withLock { sums in sums.withUnsafeMutableBufferPointer { body(0..<rows, $0.baseAddress!) } }
    case .shared(let memory): memory.forEachSlice(ofRows: rows, body)
    }
  }

  /// The sums so far; those of an array are given away.
  func take() -> [Int64] {
    switch self {
    case .own(let own):
      own.sums.withLock { sums in
        let taken = sums
        sums = []
        return taken
      }
    case .shared(let memory): memory.copy()
    }
  }
}
