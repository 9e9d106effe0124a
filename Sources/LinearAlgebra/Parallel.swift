import Foundation
import Synchronization

internal import CDNNL
internal import COpenBLAS

/// Threads of one rank that take numbered pieces of work.
///
/// The pieces are fixed by the caller, never by the number of threads, and every library call inside a piece is
/// single-threaded; so threads change the time a result takes, never the result.
public enum Parallel {
  /// Bounds every library to one thread per calling thread. Call once, before other threads start.
  public static func useSingleThreadedLibraries() {
    openblas_set_num_threads(1)
    omp_set_num_threads(1)
  }

  /// Runs `body(index)` for every index of `0 ..< count` on up to `threads` threads; returns when all are done.
  ///
  /// Each index is taken by one thread, lowest first. With one thread (or one piece) it runs on the caller's.
  public static func forEach(_ count: Int, threads: Int, _ body: @Sendable (Int) -> Void) {
    let workers = min(threads, count)
    if workers <= 1 {
      for index in 0..<count { body(index) }
      return
    }
    let next = Atomic<Int>(0)
    onThreads(workers) {
      while true {
        let index = next.wrappingAdd(1, ordering: .relaxed).oldValue
        if index >= count { break }
        body(index)
      }
    }
  }

  /// Runs `body` on `threads` threads, the caller's among them; returns when all have returned.
  static func onThreads(_ threads: Int, _ body: @Sendable () -> Void) {
    withoutActuallyEscaping(body) { body in
      DispatchQueue.concurrentPerform(iterations: threads) { _ in
        omp_set_num_threads(1)
        body()
      }
    }
  }

  /// The results of `body(index)` for every index of `0 ..< count`, in order; computed as by `forEach`.
  ///
  /// All pieces run even if one fails; the error of the lowest failing index is thrown, so that the same error is
  /// reported whatever the number of threads.
  public static func map<T: Sendable, E: Error>(
    _ count: Int, threads: Int, _ body: @Sendable (Int) throws(E) -> T
  ) throws(E) -> [T] {
    let results = Results<T, E>(count)
    forEach(count, threads: threads) { index in
      let result: Result<T, E>
      do throws(E) { result = .success(try body(index)) } catch { result = .failure(error) }
      results.set(result, index)
    }
    return try results.all()
  }

  /// The same for items that have pieces: threads for which no item is left help with those, see `Workers`.
  ///
  /// - Parameter atOnce: how many items are worked on at a time, so that what they hold is bounded.
  public static func map<T: Sendable, E: Error>(
    _ count: Int, threads: Int, atOnce: Int, _ body: @Sendable (Int, Workers) throws(E) -> T
  ) throws(E) -> [T] {
    let results = Results<T, E>(count)
    Workers.run(count, threads: threads, atOnce: atOnce) { index, workers in
      let result: Result<T, E>
      do throws(E) { result = .success(try body(index, workers)) } catch { result = .failure(error) }
      results.set(result, index)
    }
    return try results.all()
  }

  /// What threads have found, in order.
  private final class Results<T: Sendable, E: Error>: Sendable {
    private let results: Mutex<[Result<T, E>?]>

    init(_ count: Int) { results = Mutex(Array(repeating: nil, count: count)) }

    func set(_ result: Result<T, E>, _ index: Int) { results.withLock { $0[index] = result } }

    func all() throws(E) -> [T] {
      let ordered = results.withLock { $0 }
      return try ordered.map { result throws(E) in try result!.get() }
    }
  }
}
