/// What a report says of a finished layer; every rank keeps this of all layers.
struct LayerOutcome: Codable, Sendable, Equatable {
  /// The damping that was needed.
  var damping: Double
  /// How often it was raised.
  var escalations: Int
  /// Columns that no calibration input reached.
  var deadColumns: Int
  /// The rows' losses relative to their energies.
  var relativeLoss: Double
  /// The same as the factor predicted it.
  var relativePredictedLoss: Double
  /// For a layer of an expert, the tokens that it was calibrated on: those that chose the expert.
  var ownTokens: Int?
  /// And others.
  var extraTokens: Int?

  /// Of a layer that was solved.
  init(_ layer: QuantizedLayer, tokens: (own: Int, extra: Int)?) {
    (damping, escalations, deadColumns) = (layer.damping, layer.escalations, layer.deadColumns)
    (relativeLoss, relativePredictedLoss) = (layer.relativeLoss, layer.relativePredictedLoss)
    (ownTokens, extraTokens) = (tokens?.own, tokens?.extra)
  }
}
