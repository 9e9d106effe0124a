/// Factors on their way through a rank, beside its phases.
struct TransferEvent: Sendable, Equatable {
  /// What travelled.
  var name: String
  /// Which part of the run it belongs to.
  var part: String
  /// Nanoseconds of the rank's own clock at the beginning.
  var start: Int64
  /// Nanoseconds until it had come and gone on.
  var duration: Int64
}
