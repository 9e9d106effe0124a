import Glibc
import MPI

func communicatorScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let (rank, size) = (world.rank, world.size)

  // Odd and even ranks, in reverse order.
  let parity = rank % 2
  let half = try world.split(color: parity, key: -rank)
  let members = Array((0..<size).filter { $0 % 2 == parity }.reversed())
  try expectEqual(half.size, members.count, "size of the half")
  try expectEqual(members[half.rank], rank, "rank in the half")
  try expectEqual(try half.allGather(Int64(rank)), members.map { Int64($0) }, "order of the half")

  // All ranks of this test share a host.
  let host = try world.splitShared()
  try expectEqual([host.rank, host.size], [rank, size], "ranks that share memory")

  // Only the members call; the order is that of the list.
  let chosen = Array((0..<size).filter { $0 != 1 }.reversed())
  if chosen.contains(rank) {
    let subset = try world.subset(chosen)
    try expectEqual(subset.size, chosen.count, "size of the subset")
    for root in 0..<subset.size {
      var values: [Int32] = data.contribution(rank, 5)
      try subset.broadcast(&values, root: root)
      try expectEqual(values, Data.values(chosen[root], 5), "broadcast in the subset from \(root)")
    }
  }
  // Groups that overlap, made one after the other by all ranks: each rank with rank 0.
  for other in 1..<max(size, 1) where rank == 0 || rank == other {
    let pair = try world.subset([other, 0], tag: other)
    try expectEqual(try pair.allGather(Int64(rank)), [Int64(other), 0], "pair of 0 and \(other)")
  }

  // Messages of a duplicate do not meet those of the original.
  let twin = try world.duplicate()
  let (next, previous) = ((rank + 1) % size, (rank + size - 1) % size)
  let inWorld = try world.immediateSend(([1] as [Int32]).span, to: next)
  let inTwin = try twin.immediateSend(([2] as [Int32]).span, to: next)
  try expectEqual(try twin.receive(Int32.self, from: previous).elements, [2], "message of the duplicate")
  try expectEqual(try world.receive(Int32.self, from: previous).elements, [1], "message of the original")
  try inWorld.wait()
  try inTwin.wait()
}

func environmentScenario(_ world: borrowing Communicator, _ data: Data) throws {
  try expect((0..<world.size).contains(world.rank), "rank \(world.rank) of \(world.size)")
  try expectEqual(
    try world.allGather(Int64(world.rank)), (0..<Int64(world.size)).map { $0 }, "the ranks of the world")
  var name = [CChar](repeating: 0, count: 256)
  gethostname(&name, name.count)
  let host = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
  try expectEqual(MPIEnvironment.processorName, host, "name of the host")
  try expect(MPIEnvironment.standardVersion.major >= 3, "version \(MPIEnvironment.standardVersion)")
  try expect(MPIEnvironment.libraryVersion.contains("MPI"), MPIEnvironment.libraryVersion)
  if world.rank == 0 { print("size \(world.size)") }
}

func politenessScenario(_ world: borrowing Communicator, _ data: Data) throws {
  func processorTime() -> Double { Double(clock()) / Double(CLOCKS_PER_SEC) }

  // Rank 0 is late by a second; the others wait for its broadcast and for a message.
  let start = processorTime()
  if world.rank == 0 { sleep(1) }
  var values: [Int32] = data.contribution(world.rank, 3)
  try world.broadcast(&values, root: 0, waiting: .polite)
  try expectEqual(values, Data.values(0, 3), "the late broadcast")
  let used = processorTime() - start
  // A spinning rank uses up to one second; 5,000 naps of 200 microseconds and their polls about 0.06.
  try expect(used < 0.3, "rank \(world.rank) used \(used) s of its core in a wait of 1 s")
}
