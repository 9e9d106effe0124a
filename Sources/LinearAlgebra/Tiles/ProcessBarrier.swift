internal import CKernels

/// Where threads, also those of several processes that share memory, wait for each other. They spin for some microseconds, then
/// let others run, and sleep at last.
public struct ProcessBarrier: @unchecked Sendable {
  private let place: UnsafeMutableRawPointer

  /// Bytes that a barrier takes.
  public static var byteCount: Int { MemoryLayout<TeamBarrier>.stride }

  /// The barrier at `place`: `byteCount` bytes at a multiple of 64 that all map, zero before anybody uses it.
  public init(at place: UnsafeMutableRawPointer) { self.place = place }

  /// Returns when `count` threads have called it; what any of them wrote before, all see.
  public func wait(for count: Int) {
    kernels_barrier(place.assumingMemoryBound(to: TeamBarrier.self), Int64(count))
  }
}
