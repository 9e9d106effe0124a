/// What a variant took on this rank, in seconds.
struct VariantTimes: Sendable {
  /// Processor time of the factorizations; variants that share a factor each count it.
  var factorProcessor = 0.0
  /// Wall time of the factorizations; what several factors took side by side is divided by their processor time.
  var factorWall = 0.0
  /// Processor time of grids and row solves.
  var solveProcessor = 0.0
  /// Wall time of grids and row solves.
  var solveWall = 0.0

  /// The form that travels between ranks.
  var flat: [Double] { [factorProcessor, factorWall, solveProcessor, solveWall] }
}
