@preconcurrency import Dispatch
import Synchronization

internal import CKernels

/// The threads that share the work of a `Parallel.map`, also the work inside of one item.
///
/// An item is handed its workers, cuts its work into pieces whose number and size follow from shapes alone, and calls `forEach`.
/// A thread for which no item is left takes pieces of the items that others are at, so that none is idle while there are pieces.
/// Pieces are fixed and each runs on one thread: who takes them changes the time a result takes, never the result.
public final class Workers: Sendable {
  /// The calling thread alone.
  public static let alone = Workers(threads: 1)

  /// How many threads there are.
  public let threads: Int

  /// Pieces that threads may take. Its body is there until the last of its helpers has left.
  fileprivate final class Job: @unchecked Sendable {
    let count: Int
    let next = Atomic<Int>(0)
    /// Threads beside the one that published it.
    let helpers = Atomic<Int>(0)
    private(set) var body: (@Sendable (Int) -> Void)?

    init(_ count: Int, _ body: @escaping @Sendable (Int) -> Void) { (self.count, self.body) = (count, body) }

    /// Whether pieces are left.
    var isOpen: Bool { next.load(ordering: .relaxed) < count }

    /// Runs pieces until none is left.
    func work() {
      while true {
        let piece = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if piece >= count { return }
        body!(piece)
      }
    }

    /// Waits until what helpers have begun is done; what they wrote can be read afterwards.
    func close() {
      var round: Int64 = 0
      while helpers.load(ordering: .acquiring) > 0 {
        kernels_pause(round)
        round += 1
      }
      body = nil
    }
  }

  fileprivate struct State {
    /// Items that are left begin here.
    var next = 0
    /// Items that threads are at.
    var running = 0
    var jobs: [Job] = []
    /// Threads that sleep until there is something to do.
    var sleepers = 0
  }

  private let state = Mutex(State())
  /// Counts what sleepers are woken for.
  private let published = Atomic<Int>(0)
  private let wake = DispatchSemaphore(value: 0)

  private init(threads: Int) { self.threads = threads }

  /// Runs `body(piece)` for each of `count` pieces, on the calling thread and on others that have nothing else to do; returns
  /// when all are done. Pieces write to places of their own.
  public func forEach(_ count: Int, _ body: @escaping @Sendable (_ piece: Int) -> Void) {
    if threads == 1 || count <= 1 {
      for piece in 0..<count { body(piece) }
      return
    }
    let job = Job(count, body)
    let woken = state.withLock { state in
      state.jobs.append(job)
      return state.takeSleepers(count - 1)
    }
    published.wrappingAdd(1, ordering: .releasing)
    for _ in 0..<woken { wake.signal() }
    job.work()
    state.withLock { state in state.jobs.removeAll { $0 === job } }
    job.close()
  }

  /// The same for pieces that can fail: of their errors that of the lowest piece is thrown, whatever the number of threads.
  public func forEach<E: Error>(
    _ count: Int, throwing body: @escaping @Sendable (_ piece: Int) throws(E) -> Void
  ) throws(E) {
    if threads == 1 || count <= 1 {
      for piece in 0..<count { try body(piece) }
      return
    }
    let failure = LowestFailure<E>()
    forEach(count) { piece in
      do throws(E) { try body(piece) } catch { failure.note(error, piece: piece) }
    }
    if let error = failure.error { throw error }
  }

  /// Runs `body` for ranges of `size` (the last may be shorter) that make up `0 ..< count`.
  public func forEachRange(_ count: Int, size: Int, _ body: @escaping @Sendable (Range<Int>) -> Void) {
    forEach((count + size - 1) / size) { body($0 * size..<min(($0 + 1) * size, count)) }
  }

  /// Runs `body` for the items `0 ..< count`, lowest first, no more than `atOnce` of them at a time; threads that are left over
  /// help with their pieces.
  static func run(_ count: Int, threads: Int, atOnce: Int, _ body: @Sendable (Int, Workers) -> Void) {
    if threads <= 1 || count == 0 {
      for item in 0..<count { body(item, .alone) }
      return
    }
    let workers = Workers(threads: threads)
    Parallel.onThreads(threads) { workers.work(count, atOnce: max(1, atOnce), body) }
  }

  /// What a thread does next.
  fileprivate enum Task {
    case item(Int)
    case pieces(Job)
    case nothing
    case end
  }

  private func work(_ count: Int, atOnce: Int, _ body: (Int, Workers) -> Void) {
    while true {
      let seen = published.load(ordering: .acquiring)
      switch state.withLock({ $0.next(of: count, atOnce: atOnce) }) {
      case .item(let item):
        body(item, self)
        let woken = state.withLock { state in
          state.running -= 1
          return state.running == 0 && state.next >= count ? state.takeSleepers(.max) : 0
        }
        published.wrappingAdd(1, ordering: .releasing)
        for _ in 0..<woken { wake.signal() }
      case .pieces(let job):
        job.work()
        job.helpers.wrappingSubtract(1, ordering: .releasing)
      case .nothing: wait(seen, count: count, atOnce: atOnce)
      case .end: return
      }
    }
  }

  /// Returns when something was published since `seen`: some microseconds awake, then asleep.
  private func wait(_ seen: Int, count: Int, atOnce: Int) {
    for _ in 0..<Self.rounds {
      if published.load(ordering: .relaxed) != seen { return }
      kernels_pause(0)
    }
    let sleeps = state.withLock { state in
      if state.hasWork(count, atOnce: atOnce) { return false }
      state.sleepers += 1
      return true
    }
    if sleeps { wake.wait() }
  }

  /// Rounds of waiting awake: the gaps between operators are shorter.
  private static let rounds = 2000
}

extension Workers.State {
  /// Takes something to do.
  fileprivate mutating func next(of count: Int, atOnce: Int) -> Workers.Task {
    if next < count, running < atOnce {
      (next, running) = (next + 1, running + 1)
      return .item(next - 1)
    }
    // That with the fewest helpers, so that all items end at about the same time.
    var best: Workers.Job?
    for job in jobs where job.isOpen {
      if best.map({ job.helpers.load(ordering: .relaxed) < $0.helpers.load(ordering: .relaxed) }) ?? true { best = job }
    }
    if let best {
      best.helpers.wrappingAdd(1, ordering: .relaxed)
      return .pieces(best)
    }
    return next >= count && running == 0 ? .end : .nothing
  }

  /// Whether a thread would find something to do, or that all is done.
  fileprivate func hasWork(_ count: Int, atOnce: Int) -> Bool {
    if next < count ? running < atOnce : running == 0 { return true }
    return jobs.contains(where: \.isOpen)
  }

  /// Counts down up to `limit` sleepers, which the caller wakes.
  fileprivate mutating func takeSleepers(_ limit: Int) -> Int {
    let taken = min(sleepers, limit)
    sleepers -= taken
    return taken
  }
}

/// The error of the lowest piece that failed.
private final class LowestFailure<E: Error>: Sendable {
  private let first = Mutex<(piece: Int, error: E)?>(nil)

  var error: E? { first.withLock { $0?.error } }

  func note(_ error: E, piece: Int) {
    first.withLock { first in
      if first.map({ piece < $0.piece }) ?? true { first = (piece, error) }
    }
  }
}
