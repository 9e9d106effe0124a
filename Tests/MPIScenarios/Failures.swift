import Glibc
import MPI

/// An error with a text of its own.
struct Broken: Error, CustomStringConvertible {
  let rank: Int
  var description: String { "the file of rank \(rank) is broken" }
}

func collectivelySucceedsScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let result = try world.collectively { world.rank * 2 }
  try expectEqual(result, world.rank * 2, "the result")
}

/// All ranks but the first fail; every rank prints what it learns, and the failure leaves main.
func collectivelyFailsScenario(_ world: borrowing Communicator, _ data: Data) throws {
  do {
    try world.collectively {
      if world.rank > 0 || world.size == 1 { throw Broken(rank: world.rank) }
    }
  } catch {
    print(
      "rank \(world.rank) learned of rank \(error.rank): \(error), own error: \(error.local.map { "\($0)" } ?? "-")")
    throw error
  }
}

/// The last rank fails in a half of the world, inside of a call of the whole.
func collectivelyNestedScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let half = try world.split(color: world.rank % 2)
  let last = world.size - 1
  do {
    try world.collectively {
      try half.collectively { if world.rank == last { throw Broken(rank: last) } }
    }
  } catch {
    try expectEqual(error.rank, last, "the rank that failed")
    try expectEqual(error.description, "the file of rank \(last) is broken", "what it says")
    try expectEqual(error.local is Broken, world.rank == last, "whether rank \(world.rank) has an error of its own")
    return
  }
  throw Mismatch(description: "the failure in a half did not reach rank \(world.rank)")
}

/// A failure that every rank catches leaves a usable communicator.
func collectivelyCaughtScenario(_ world: borrowing Communicator, _ data: Data) throws {
  for failing in 0..<world.size {
    do {
      try world.collectively { if world.rank == failing { throw Broken(rank: failing) } }
      throw Mismatch(description: "rank \(world.rank) did not learn of \(failing)")
    } catch let failure as CollectiveFailure {
      try expectEqual(failure.rank, failing, "the rank that failed")
      try expectEqual(failure.host, MPIEnvironment.processorName, "its host")
    }
    try expectEqual(try world.allReduce(Int64(1), .sum), Int64(world.size), "the sum afterwards")
  }
}

/// The last two ranks agree on a failure of which the others, in a barrier, know nothing.
func subgroupFailsScenario(_ world: borrowing Communicator, _ data: Data) throws {
  let failing = max(world.size - 2, 0)..<world.size
  let group = try world.split(color: failing.contains(world.rank) ? 1 : 0)
  if failing.contains(world.rank) {
    try group.collectively { if world.rank == failing.lowerBound { throw Broken(rank: world.rank) } }
  }
  try world.barrier()
}

/// The last rank throws while the others wait for it.
func throwOnOneRankScenario(_ world: borrowing Communicator, _ data: Data) throws {
  if world.rank == world.size - 1 { throw Broken(rank: world.rank) }
  try world.barrier()
}

/// The last rank throws while it receives a message that nobody sends.
func throwWhileReceivingScenario(_ world: borrowing Communicator, _ data: Data) throws {
  if world.rank == world.size - 1 {
    var buffer = [Int32](repeating: 0, count: 4)
    var span = buffer.mutableSpan
    let receiving = try world.immediateReceive(into: &span, from: 0, tag: 9)
    if world.size > 0 { throw Broken(rank: world.rank) }
    try receiving.wait()
  }
  try world.barrier()
}

/// The last rank throws while it waits for a broadcast that the root never starts.
func throwWhileBroadcastingScenario(_ world: borrowing Communicator, _ data: Data) throws {
  if world.rank == world.size - 1 {
    var buffer = [Int32](repeating: 0, count: 4)
    var span = buffer.mutableSpan
    let broadcasting = try world.immediateBroadcast(&span, root: 0)
    if world.size > 0 { throw Broken(rank: world.rank) }
    try broadcasting.wait()
  }
  sleep(20)
}
