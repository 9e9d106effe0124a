import Foundation
import LinearAlgebra
import Synchronization
import Testing

/// Threads that take pieces of what other threads are at.
@Suite("Workers")
struct WorkersTests {
  private struct Broken: Error, Equatable { var piece: Int }

  @Test("each item and each piece of it runs once", arguments: [1, 2, 3, 8])
  func allPieces(threads: Int) {
    let counts = Mutex([Int](repeating: 0, count: 5 * 40))
    let items = Parallel.map(5, threads: threads, atOnce: threads) { item, workers in
      workers.forEach(40) { piece in counts.withLock { $0[item * 40 + piece] += 1 } }
      return item
    }
    #expect(items == Array(0..<5))
    #expect(counts.withLock { $0 } == Array(repeating: 1, count: 200))
  }

  /// Where threads wait for each other.
  private final class Rendezvous: Sendable {
    private let arrived = Atomic<Int>(0)

    /// Waits until `count` threads have come, at most ten seconds; whether they have.
    func meet(_ count: Int) -> Bool {
      arrived.wrappingAdd(1, ordering: .relaxed)
      let end = Date(timeIntervalSinceNow: 10)
      while arrived.load(ordering: .relaxed) < count {
        if Date() > end { return false }
        usleep(100)
      }
      return true
    }
  }

  @Test("pieces of a single item are taken by several threads")
  func shared() {
    let rendezvous = Rendezvous()
    let met = Mutex([Bool]())
    _ = Parallel.map(1, threads: 2, atOnce: 2) { _, workers in
      // A piece ends when another has begun, so one thread alone would wait in vain.
      workers.forEach(2) { _ in
        let isMet = rendezvous.meet(2)
        met.withLock { $0.append(isMet) }
      }
    }
    #expect(met.withLock { $0 } == [true, true])
  }

  @Test("a thread that has finished the last item helps with one that others are at, again and again")
  func late() {
    let met = Mutex([Bool]())
    _ = Parallel.map(2, threads: 2, atOnce: 2) { item, workers in
      if item == 0 { return }
      for _ in 0..<20 {
        let rendezvous = Rendezvous()
        usleep(500)
        workers.forEach(2) { _ in
          let isMet = rendezvous.meet(2)
          met.withLock { $0.append(isMet) }
        }
      }
    }
    #expect(met.withLock { $0 } == Array(repeating: true, count: 40))
  }

  @Test("no more items than asked are worked on at a time, though all threads have work", arguments: [1, 2])
  func limit(atOnce: Int) {
    let running = Mutex((now: 0, most: 0))
    let pieces = Mutex(0)
    _ = Parallel.map(6, threads: 3, atOnce: atOnce) { _, workers in
      running.withLock {
        $0.now += 1
        $0.most = max($0.most, $0.now)
      }
      workers.forEach(8) { _ in
        usleep(200)
        pieces.withLock { $0 += 1 }
      }
      running.withLock { $0.now -= 1 }
    }
    #expect(running.withLock { $0.most } <= atOnce)
    #expect(pieces.withLock { $0 } == 48)
  }

  @Test("of several errors that of the lowest piece is thrown, and of the lowest item", arguments: [1, 2, 8])
  func errors(threads: Int) {
    #expect(throws: Broken(piece: 103)) {
      _ = try Parallel.map(3, threads: threads, atOnce: threads) { item, workers throws(Broken) in
        try workers.forEach(20) { piece throws(Broken) in
          if item > 0, piece % 10 > 2 { throw Broken(piece: item * 100 + piece) }
        }
      }
    }
  }
}
