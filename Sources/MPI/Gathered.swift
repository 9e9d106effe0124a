/// What all ranks contributed, one after the other. Corresponds to the receive buffer of `MPI_Gatherv`.
public struct Gathered<Element: MPIElement>: Sendable, Equatable {
  /// The elements of rank 0, then those of rank 1, and so on.
  public let elements: [Element]
  /// How many elements each rank contributed.
  public let counts: [Int]
  /// Where the elements of each rank begin.
  public let starts: [Int]

  init(_ elements: [Element], counts: [Int]) {
    self.elements = elements
    self.counts = counts
    self.starts = prefixSums(counts)
  }

  /// The elements of one rank. Corresponds to one entry of `displs` and `recvcounts`.
  public subscript(rank: Int) -> ArraySlice<Element> {
    elements[starts[rank]..<starts[rank] + counts[rank]]
  }
}

/// The sum of all counts before each one.
func prefixSums(_ counts: [Int]) -> [Int] {
  var sum = 0
  return counts.map { count in
    defer { sum += count }
    return sum
  }
}
