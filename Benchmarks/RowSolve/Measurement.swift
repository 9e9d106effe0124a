import Foundation

/// Seconds that this process has computed: other processes on the machine do not count.
func processorTime() -> Double {
  var time = timespec()
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
  return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
}

/// Seconds of processor time that `body` takes.
func seconds(_ body: () throws -> Void) rethrows -> Double {
  let start = processorTime()
  try body()
  return processorTime() - start
}

/// Several things measured in turn, round after round: what slows the machine for a while slows all of them.
struct Rounds {
  /// Seconds by round, for each thing.
  private(set) var times: [[Double]]

  /// Measures `bodies` in turn, `repeats` rounds, after one round that is not counted.
  init(_ repeats: Int, warmUp: Bool = true, _ bodies: [() throws -> Void]) throws {
    times = bodies.map { _ in [] }
    if warmUp { for body in bodies { try body() } }
    for _ in 0..<repeats {
      for (index, body) in bodies.enumerated() { times[index].append(try seconds(body)) }
    }
  }

  /// The median seconds of a thing.
  func median(_ index: Int) -> Double { Self.median(times[index]) }

  /// The median over rounds of a number made of the seconds of one round.
  func median(_ value: ([Double]) -> Double) -> Double {
    Self.median(times[0].indices.map { round in value(times.map { $0[round] }) })
  }

  private static func median(_ values: [Double]) -> Double {
    let sorted = values.sorted()
    let middle = sorted.count / 2
    return sorted.count % 2 == 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2
  }
}
