/// What a variant made of one layer; the same on every rank.
struct LayerResult: Sendable {
  /// Sums over rows of the losses on calibration inputs and on those held out, and of the predicted losses.
  var calibration = 0.0
  var heldOut = 0.0
  var predicted = 0.0
  /// The largest damping that a Hessian of the layer needed.
  var damping = 0.0
  /// Codes and scales, for the run with all layers replaced; nil if that is not asked for.
  var quantized: QuantizedLayer?
}
