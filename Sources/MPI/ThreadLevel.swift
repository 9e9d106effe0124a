internal import CMPI

/// Which threads of a rank may call MPI. Corresponds to the thread levels of `MPI_Init_thread`.
public enum ThreadLevel: Int, Sendable, Comparable, CaseIterable {
  /// The rank has one thread. Corresponds to `MPI_THREAD_SINGLE`.
  case single
  /// The thread that initialized MPI calls it. Corresponds to `MPI_THREAD_FUNNELED`.
  case funneled
  /// Any thread, one at a time. Corresponds to `MPI_THREAD_SERIALIZED`.
  case serialized
  /// Any threads, at the same time. Corresponds to `MPI_THREAD_MULTIPLE`.
  case multiple

  /// Whether `left` allows less than `right`. Corresponds to the order of the constants of `MPI_Init_thread`.
  public static func < (left: ThreadLevel, right: ThreadLevel) -> Bool { left.rawValue < right.rawValue }

  /// The number that MPI gives the level. Corresponds to `MPI_THREAD_SINGLE` and so on.
  var raw: Int32 {
    switch self {
    case .single: Int32(MPI_THREAD_SINGLE)
    case .funneled: Int32(MPI_THREAD_FUNNELED)
    case .serialized: Int32(MPI_THREAD_SERIALIZED)
    case .multiple: Int32(MPI_THREAD_MULTIPLE)
    }
  }

  /// The highest level that `raw` allows: the standard orders the numbers. Corresponds to `MPI_Query_thread`.
  init(raw: Int32) {
    self = Self.allCases.last { $0.raw <= raw } ?? .single
  }
}
