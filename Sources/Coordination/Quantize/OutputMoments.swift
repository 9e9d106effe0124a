/// Mean and standard deviation of each output channel of a layer over the calibration samples.
struct OutputMoments: Sendable {
  let mean: [Double]
  let deviation: [Double]

  /// The moments from sums over all chunks: of the outputs by channel, of their squares by channel, and the number of
  /// outputs of a channel.
  init(sums: ArraySlice<Double>, squares: ArraySlice<Double>, count: Double) {
    let count = max(count, 1)
    mean = sums.map { $0 / count }
    deviation = zip(mean, squares).map { mean, square in max(square / count - mean * mean, 0).squareRoot() }
  }

  /// What a channel's output must be multiplied by so that its deviation becomes that of `target`.
  ///
  /// A channel that hardly varies (relative to its mean, in float32) has nothing to measure by and stays; and no channel
  /// is scaled by more than two, which would say that its weights are lost rather than shrunk.
  func factors(to target: OutputMoments) -> [Double] {
    mean.indices.map { row in
      guard deviation[row] > 1e-5 * abs(mean[row]), deviation[row] > 0, target.deviation[row] > 0 else { return 1 }
      return min(max(target.deviation[row] / deviation[row], 0.5), 2)
    }
  }
}
