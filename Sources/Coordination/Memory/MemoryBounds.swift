/// What a run does at a time so that a rank's memory is bounded. The results do not depend on it.
struct MemoryBounds: Sendable, Equatable {
  /// The bytes that each rank may hold; nil for as many as it likes.
  var limit: Int?
  /// Bytes of sums that a rank owns in a wave; factors and what they are made of take about as much again.
  var wave = 1 << 30
  /// Bytes of sums that a rank forms at a time.
  var sums = 512 << 20
  /// Threads that forward chunks and form sums.
  var threads: Int
  /// Chunks that are forwarded at a time; threads that are left over help with these.
  var forwardChunks: Int
  /// Chunks whose sums are formed at a time.
  var sumChunks: Int
  /// Threads that factor at a time.
  var factorThreads: Int
  /// Chunks of a rank, first those that are calibrated on and then those held out, whose activations stay in memory; those of
  /// the others are in a scratch file while no thread works on them.
  var residentChunks = Int.max

  /// Without a limit.
  init(threads: Int) {
    (self.threads, factorThreads) = (threads, threads)
    (forwardChunks, sumChunks) = (threads, threads)
  }

  /// Bytes that allocators may keep of what was freed.
  var idleBytes: Int { limit.map { min(256 << 20, $0 / 32) } ?? 256 << 20 }

  /// Bytes of sums that are added up over ranks in one call, during which a library may hold as many again.
  var reducedAtOnce: Int { limit == nil ? .max : 32 << 20 }
}
