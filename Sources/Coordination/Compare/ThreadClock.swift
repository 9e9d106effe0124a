import Glibc

/// Processor time of the calling thread, which other programs on a busy machine do not lengthen.
enum ThreadClock {
  /// Seconds that the thread has computed so far. Corresponds to `clock_gettime(CLOCK_THREAD_CPUTIME_ID)`.
  static var seconds: Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }

  /// Nanoseconds that all threads of the process have computed so far. Corresponds to `CLOCK_PROCESS_CPUTIME_ID`.
  static var processNanoseconds: Int64 {
    var time = timespec()
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time)
    return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
  }
}
