/// One phase of one rank, as it happened.
struct TraceEvent: Sendable, Equatable {
  /// What was done.
  var phase: Phase
  /// Which part of the run it belongs to, such as a stage; empty if to none.
  var part: String
  /// Nanoseconds of the rank's own clock at the beginning.
  var start: Int64
  /// Nanoseconds that it took.
  var duration: Int64
}
