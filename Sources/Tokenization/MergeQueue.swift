/// Merges that are possible, the one of lowest rank first and of these the leftmost: a binary heap.
struct MergeQueue {
  /// A merge of the symbol at `left` with the one behind it.
  struct Entry {
    let rank: Int32
    let left: Int32
    /// What the pair becomes.
    let id: Int32
    /// The pair that it was found for.
    let pair: UInt64

    func comesBefore(_ other: Entry) -> Bool { (rank, left) < (other.rank, other.left) }
  }

  private var heap: [Entry] = []

  /// Adds an entry.
  mutating func push(_ entry: Entry) {
    heap.append(entry)
    var index = heap.count - 1
    while index > 0, heap[index].comesBefore(heap[(index - 1) / 2]) {
      heap.swapAt(index, (index - 1) / 2)
      index = (index - 1) / 2
    }
  }

  /// Takes the first entry away.
  mutating func pop() -> Entry? {
    guard let first = heap.first else { return nil }
    let last = heap.removeLast()
    guard !heap.isEmpty else { return first }
    heap[0] = last
    var index = 0
    while true {
      var least = index
      for child in [2 * index + 1, 2 * index + 2] where child < heap.count && heap[child].comesBefore(heap[least]) {
        least = child
      }
      if least == index { return first }
      heap.swapAt(index, least)
      index = least
    }
  }
}
