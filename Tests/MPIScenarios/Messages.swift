import Glibc
import MPI

func pointToPointScenario(_ world: borrowing Communicator, _ data: Data) throws {
  try Mode.forEach(world) { communicator, mode in
    let (rank, size) = (communicator.rank, communicator.size)
    let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
    // Lengths below, at and above multiples of the block: a message ends with a shorter block, also an empty one.
    for count in [0, 1, 2, 3, 4, 6, 10] {
      let mine: [Int32] = data.contribution(rank, count)
      let expected: [Int32] = Data.values(previous, count)
      let name = "\(count) from \(previous), \(mode)"

      var exchanged = [Int32](repeating: -1, count: count)
      var span = exchanged.mutableSpan
      try communicator.sendReceive(
        mine.span, to: next, into: &span, from: previous, tag: 5, waiting: mode.waiting)
      try expectEqual(exchanged, expected, "exchange of \(name)")

      // Even ranks of a ring send first, odd ones receive first; a ring of one talks to itself through a request.
      let sending = try communicator.immediateSend(mine.span, to: next, tag: 6)
      var received = [Int32](repeating: -1, count: count)
      let message = try communicator.receive(into: &received, from: previous, tag: 6, waiting: mode.waiting)
      try sending.wait(mode.waiting)
      try expectEqual(received, expected, "receive of \(name)")
      try expectEqual([message.source, message.tag, message.count], [previous, 6, count], "message of \(name)")

      let unknown = try communicator.immediateSend(mine.span, to: next, tag: 7)
      let any = try communicator.receive(Int32.self, from: nil, tag: 7, waiting: mode.waiting)
      try unknown.wait(mode.waiting)
      try expectEqual(any.elements, expected, "message of unknown length: \(name)")
      try expectEqual(any.message.source, previous, "source of a message of unknown length: \(name)")
    }
    // Blocking sends from every rank to rank 0, which takes them as they come.
    if rank == 0 {
      var seen: Set<Int> = []
      for _ in 1..<max(size, 1) {
        var buffer = [Double](repeating: 0, count: 7)
        let message = try communicator.receive(into: &buffer, from: nil, tag: 8, waiting: mode.waiting)
        try expectEqual(buffer, Data.values(message.source, 7), "from any: \(message.source), \(mode)")
        seen.insert(message.source)
      }
      try expectEqual(seen, Set(1..<max(size, 1)), "the ranks that sent")
    } else {
      try communicator.send((data.contribution(rank, 7) as [Double]).span, to: 0, tag: 8, waiting: mode.waiting)
    }
  }
}

func immediateScenario(_ world: borrowing Communicator, _ data: Data) throws {
  try Mode.forEach(world) { communicator, mode in
    let (rank, size) = (communicator.rank, communicator.size)
    for root in 0..<size {
      // Two operations are in flight at the same time, while the rank computes.
      var first: [Float] = data.contribution(rank, 1000)
      var second: [Int64] = data.contribution(rank, 10)
      var firstSpan = first.mutableSpan
      var secondSpan = second.mutableSpan
      var broadcasting = try communicator.immediateBroadcast(&firstSpan, root: root)
      let reducing = try communicator.immediateReduce(&secondSpan, .sum, root: root)
      var sum = 0
      repeat {
        sum += (0..<1000).reduce(0, ^)
      } while try !broadcasting.test()
      try expectEqual(sum, 0, "the computation under the transfer")
      try reducing.wait(mode.waiting)
      try broadcasting.waitPolitely()
      try expectEqual(first, Data.values(root, 1000), "broadcast in flight from \(root), \(mode)")
      let sums: [Int64] = (0..<10).map { index in (0..<size).reduce(0) { $0 + Data.value($1, index) } }
      try expectEqual(second, rank == root ? sums : data.contribution(rank, 10), "reduction in flight on \(root)")
    }
    // All pairs at once.
    let barrier = try communicator.immediateBarrier()
    for other in 0..<size {
      let mine: [UInt32] = data.contribution(rank, 9)
      var theirs = [UInt32](repeating: 0, count: 9)
      var span = theirs.mutableSpan
      let receiving = try communicator.immediateReceive(into: &span, from: other, tag: 1)
      let sending = try communicator.immediateSend(mine.span, to: other, tag: 1)
      try sending.wait(mode.waiting)
      try receiving.wait(mode.waiting)
      try expectEqual(theirs, Data.values(other, 9), "message in flight from \(other), \(mode)")
    }
    try barrier.wait(mode.waiting)
  }
}

func owningScenario(_ world: borrowing Communicator, _ data: Data) throws {
  try Mode.forEach(world) { communicator, mode in
    let (rank, size) = (communicator.rank, communicator.size)
    for root in 0..<size {
      var broadcasting = try communicator.immediateBroadcast(
        owning: data.contribution(rank, 100) as [Float], root: root)
      let reducing = try communicator.immediateReduce(
        owning: data.contribution(rank, 10) as [Int64], .maximum, root: root)
      let receiving = try communicator.immediateReceive(
        Double.self, count: 6, from: (rank + size - 1) % size, tag: 2)
      let sending = try communicator.immediateSend(
        owning: data.contribution(rank, 6) as [Double], to: (rank + 1) % size, tag: 2)
      while try !broadcasting.test() { sched_yield() }
      try expectEqual(try broadcasting.waitPolitely(), Data.values(root, 100), "broadcast from \(root), \(mode)")
      let most: [Int64] = Data.values(size - 1, 10)
      let result = try reducing.wait(mode.waiting)
      try expectEqual(result, rank == root ? most : data.contribution(rank, 10), "reduction on \(root), \(mode)")
      try expectEqual(try receiving.wait(mode.waiting), Data.values((rank + size - 1) % size, 6), "receive, \(mode)")
      try expectEqual(try sending.wait(mode.waiting), data.contribution(rank, 6), "send, \(mode)")
    }
  }
}

func receiveErrorScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let next = (world.rank + 1) % world.size
  let previous = (world.rank + world.size - 1) % world.size
  let mine: [Int32] = data.contribution(world.rank, 10)

  // A message that is too long.
  let long = try world.immediateSend(mine.span, to: next, tag: 1)
  var short = [Int32](repeating: 0, count: 4)
  do {
    try world.receive(into: &short, from: previous, tag: 1)
    throw Mismatch(description: "10 elements were received into 4")
  } catch let error as MPIError {
    guard case .call("MPI_Recv", .truncated, let text) = error else { throw error }
    try expect(!text.isEmpty, "no text")
  }
  try long.wait()

  // A message that is too short.
  let some = try world.immediateSend(mine.span.extracting(0..<3), to: next, tag: 2)
  do {
    try world.receive(into: &short, from: previous, tag: 2)
    throw Mismatch(description: "3 elements were received into 4 without an error")
  } catch let error as MPIError {
    try expectEqual(error, .count(source: previous, tag: 2, expected: 4, received: 3), "the error")
  }
  try some.wait()

  // The same in flight.
  let again = try world.immediateSend(mine.span.extracting(0..<3), to: next, tag: 3)
  let receiving = try world.immediateReceive(Int32.self, count: 4, from: previous, tag: 3)
  do {
    _ = try receiving.wait()
    throw Mismatch(description: "3 elements were received into 4 in flight without an error")
  } catch let error as MPIError {
    try expectEqual(error, .count(source: previous, tag: 3, expected: 4, received: 3), "the error")
  }
  try again.wait()

  // Errors leave the communicator as it was.
  try expectEqual(try world.allReduce(Int32(1), .sum), Int32(world.size), "the sum after the errors")
}
