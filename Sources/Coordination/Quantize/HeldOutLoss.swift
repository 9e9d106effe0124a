/// What a layer loses on samples that nothing was fitted to.
struct HeldOutLoss: Sendable, Equatable {
  /// Σ (W x~ + b - Q x~ - b')² over positions and channels, relative to the energy of W x~, with x~ the inputs that the
  /// layer gets in the quantized network.
  let loss: Double
  /// Σ (W x + b - Q x~ - b')² with x the inputs in the float network, relative to the energy of W x.
  let drift: Double

  /// From the sums over all chunks.
  ///
  /// - Parameters:
  ///   - sums: added in the order of the chunks, so that they have the same bits on any ranks.
  ///   - bias: the float layer's, one per row, which is no part of the energy; nil if it may change: then the energy is
  ///     taken about each channel's mean, which a bias can always keep.
  init(_ sums: HeldOutSums, bias: [Double]?) {
    func relative(_ error: Double, _ energy: Double) -> Double { energy > 0 ? error / energy : 0 }
    loss = relative(sums.error, Self.energy(sums.onSameInputs, count: sums.count, bias: bias))
    drift = relative(sums.drift, Self.energy(sums.inFloatNetwork, count: sums.count, bias: bias))
  }

  private static func energy(_ outputs: HeldOutSums.Outputs, count: Double, bias: [Double]?) -> Double {
    let total =
      if let bias {
        // Σ (y - b)² = Σ y² - 2 b Σ y + n b²
        zip(outputs.sums, bias).reduce(outputs.squares) { $0 + $1.1 * (count * $1.1 - 2 * $1.0) }
      } else {
        outputs.sums.reduce(outputs.squares) { $0 - $1 * $1 / max(count, 1) }
      }
    // What rounding may leave of equal outputs is nothing to measure by.
    return total > 1e-12 * outputs.squares ? total : 0
  }
}
