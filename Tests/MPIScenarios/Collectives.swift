import MPI

/// Runs a check for each element type.
func forEachType(_ body: (any MPIElement.Type) throws -> Void) rethrows {
  let types: [any MPIElement.Type] = [
    UInt8.self, Int8.self, Int32.self, UInt32.self, Int64.self, UInt64.self, Float.self, Double.self,
  ]
  for type in types { try body(type) }
}

func broadcastScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ mode: Mode, _ root: Int, _ count: Int
  ) throws {
    let rank = communicator.rank
    let expected: [Element] = Data.values(root, count)
    let start: [Element] = data.contribution(rank, count)
    let name = "broadcast of \(count) \(type) from \(root), \(mode)"

    var array = start
    try communicator.broadcast(&array, root: root, waiting: mode.waiting)
    try expectEqual(array, expected, name)

    var memory = start
    try memory.withUnsafeMutableBufferPointer { buffer in
      try communicator.broadcast(buffer, root: root, waiting: mode.waiting)
    }
    try expectEqual(memory, expected, name)

    var bytes = start
    try bytes.withUnsafeMutableBytes { buffer in
      try communicator.broadcast(buffer, root: root, waiting: mode.waiting)
    }
    try expectEqual(bytes, expected, name)

    let unknown = try communicator.broadcastValue(rank == root ? start : [], root: root, waiting: mode.waiting)
    try expectEqual(unknown, expected, "value: \(name)")
  }

  try Mode.forEach(world) { communicator, mode in
    for root in 0..<communicator.size {
      for count in [0, 1, 3, 10] {
        try forEachType { try check($0, communicator, mode, root, count) }
      }
      let text = try communicator.broadcastValue("wörld of \(communicator.rank)", root: root, waiting: mode.waiting)
      try expectEqual(text, "wörld of \(root)", "text")
      let number = try communicator.broadcastValue(Int64(communicator.rank), root: root, waiting: mode.waiting)
      try expectEqual(number, Int64(root), "number")
    }
  }
}

func reduceScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement & Comparable>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ mode: Mode, _ count: Int,
    _ operation: ReductionOperator
  ) throws {
    let (rank, size) = (communicator.rank, communicator.size)
    let input: [Element] = data.contribution(rank, count)
    let expected: [Element] = (0..<count).map { index in
      let all: [Element] = (0..<size).map { Data.value($0, index) }
      return switch operation {
      case .sum: all.reduce(0, +)
      case .minimum: all.min()!
      case .maximum: all.max()!
      }
    }
    let name = "\(operation) of \(count) \(type), \(mode)"

    for root in 0..<size {
      var inPlace = input
      try communicator.reduce(&inPlace, operation, root: root, waiting: mode.waiting)
      try expectEqual(inPlace, rank == root ? expected : input, "in place on \(root): \(name)")

      var output = [Element](repeating: 99, count: count)
      var span = output.mutableSpan
      try communicator.reduce(input.span, into: &span, operation, root: root, waiting: mode.waiting)
      let untouched = [Element](repeating: 99, count: count)
      try expectEqual(output, rank == root ? expected : untouched, "on \(root): \(name)")
    }
    var everywhere = input
    try communicator.allReduce(&everywhere, operation, waiting: mode.waiting)
    try expectEqual(everywhere, expected, "on all: \(name)")
    if count > 0 {
      let one = try communicator.allReduce(input[0], operation, waiting: mode.waiting)
      try expectEqual(one, expected[0], "number on all: \(name)")
    }
  }

  try Mode.forEach(world) { communicator, mode in
    for operation in ReductionOperator.allCases {
      for count in [0, 1, 6, 10] {
        try check(Int8.self, communicator, mode, count, operation)
        try check(UInt8.self, communicator, mode, count, operation)
        try check(Int32.self, communicator, mode, count, operation)
        try check(UInt32.self, communicator, mode, count, operation)
        try check(Int64.self, communicator, mode, count, operation)
        try check(UInt64.self, communicator, mode, count, operation)
        try check(Float.self, communicator, mode, count, operation)
        try check(Double.self, communicator, mode, count, operation)
      }
    }
  }
}

/// Uneven counts, some of them zero, and equal ones.
private func counts(_ size: Int) -> [[Int]] {
  [
    (0..<size).map { ($0 * 5) % 11 },
    (0..<size).map { $0 == 0 ? 0 : 4 },
    (0..<size).map { $0 == size - 1 ? 7 : 0 },
    [Int](repeating: 0, count: size),
    [Int](repeating: 6, count: size),
  ]
}

private func concatenation<Element: MPIElement>(_ counts: [Int]) -> [Element] {
  counts.enumerated().flatMap { Data.values($0, $1) as [Element] }
}

func gatherScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ mode: Mode, _ root: Int, _ counts: [Int]
  ) throws {
    let rank = communicator.rank
    let input: [Element] = data.contribution(rank, counts[rank])
    let expected: [Element] = concatenation(counts)
    let name = "\(counts) \(type) on \(root), \(mode)"

    let gathered = try communicator.gatherv(input.span, root: root, waiting: mode.waiting)
    try expect((gathered != nil) == (rank == root), "a result on another rank than \(root)")
    if let gathered {
      try expectEqual(gathered.elements, expected, name)
      try expectEqual(gathered.counts, counts, name)
      for other in counts.indices {
        try expectEqual(Array(gathered[other]), Data.values(other, counts[other]), "part \(other) of \(name)")
      }
    }
    var output = [Element](repeating: 99, count: rank == root ? expected.count : 0)
    var span = output.mutableSpan
    try communicator.gatherv(input.span, into: &span, counts: counts, root: root, waiting: mode.waiting)
    if rank == root { try expectEqual(output, expected, "known counts: \(name)") }

    let same: [Element] = data.contribution(rank, 4)
    let even = try communicator.gather(same.span, root: root, waiting: mode.waiting)
    let all: [Element] = concatenation([Int](repeating: 4, count: counts.count))
    try expectEqual(even, rank == root ? all : nil, "even: \(name)")
  }

  try Mode.forEach(world) { communicator, mode in
    for root in 0..<communicator.size {
      for counts in counts(communicator.size) {
        try forEachType { try check($0, communicator, mode, root, counts) }
      }
    }
  }
}

func allGatherScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ mode: Mode, _ counts: [Int]
  ) throws {
    let rank = communicator.rank
    let input: [Element] = data.contribution(rank, counts[rank])
    let expected: [Element] = concatenation(counts)
    let name = "\(counts) \(type), \(mode)"

    let gathered = try communicator.allGatherv(input.span, waiting: mode.waiting)
    try expectEqual(gathered.elements, expected, name)
    try expectEqual(gathered.counts, counts, name)

    var output = [Element](repeating: 99, count: expected.count)
    var span = output.mutableSpan
    try communicator.allGatherv(input.span, into: &span, counts: counts, waiting: mode.waiting)
    try expectEqual(output, expected, "known counts: \(name)")

    let same: [Element] = data.contribution(rank, 4)
    let all: [Element] = concatenation([Int](repeating: 4, count: counts.count))
    try expectEqual(try communicator.allGather(same.span, waiting: mode.waiting), all, "even: \(name)")
    let ones: [Element] = (0..<counts.count).map { Data.value($0, 3) }
    try expectEqual(try communicator.allGather(ones[rank], waiting: mode.waiting), ones, "one each: \(name)")
  }

  try Mode.forEach(world) { communicator, mode in
    for counts in counts(communicator.size) {
      try forEachType { try check($0, communicator, mode, counts) }
    }
  }
}

func scatterScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func check<Element: MPIElement>(
    _ type: Element.Type, _ communicator: borrowing Communicator, _ mode: Mode, _ root: Int, _ counts: [Int]
  ) throws {
    let rank = communicator.rank
    let isRoot = rank == root
    let all: [Element] = isRoot ? data.contribution(root, counts.reduce(0, +)) : []
    let start = counts[..<rank].reduce(0, +)
    let expected: [Element] = (start..<start + counts[rank]).map { Data.value(root, $0) }
    let name = "\(counts) \(type) from \(root), \(mode)"

    let part = try communicator.scatterv(
      all.span, counts: isRoot ? counts : [], root: root, waiting: mode.waiting)
    try expectEqual(part, expected, name)

    var output = [Element](repeating: 99, count: counts[rank])
    var span = output.mutableSpan
    try communicator.scatterv(all.span, into: &span, counts: counts, root: root, waiting: mode.waiting)
    try expectEqual(output, expected, "known counts: \(name)")
  }

  try Mode.forEach(world) { communicator, mode in
    for root in 0..<communicator.size {
      for counts in counts(communicator.size) {
        try forEachType { try check($0, communicator, mode, root, counts) }
      }
    }
  }
}
