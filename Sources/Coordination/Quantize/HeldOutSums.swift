import Calibration
import Graphs
import LinearAlgebra

/// Sums over a layer's outputs on samples held out.
struct HeldOutSums: Sendable, Equatable {
  /// Sums over the outputs of the float layer.
  struct Outputs: Sendable, Equatable {
    /// The sum of all squares.
    var squares: Double
    /// The sum of each channel.
    var sums: [Double]
  }

  /// Outputs of a channel.
  var count = 0.0
  /// Squared error of the quantized layer against the float layer, both on the inputs in the quantized network.
  var error = 0.0
  /// Squared error of the quantized network's layer against the float network's.
  var drift = 0.0
  /// The float layer on the inputs in the quantized network.
  var onSameInputs: Outputs
  /// The float layer in the float network.
  var inFloatNetwork: Outputs

  /// Nothing seen yet, for a layer of `rows` channels.
  init(rows: Int) {
    onSameInputs = Outputs(squares: 0, sums: Array(repeating: 0, count: rows))
    inFloatNetwork = onSameInputs
  }

  /// Adds a batch of outputs, all of one shape.
  mutating func add(
    quantized: Tensor, sameInputs: Tensor, floatNetwork: Tensor, layer: Layer, workers: Workers = .alone
  ) {
    count += Double(quantized.count / max(layer.rows, 1))
    error += OutputDistance.squared(quantized, sameInputs, workers: workers)
    drift += OutputDistance.squared(quantized, floatNetwork, workers: workers)
    Self.add(sameInputs, to: &onSameInputs, layer, workers)
    Self.add(floatNetwork, to: &inFloatNetwork, layer, workers)
  }

  private static func add(_ tensor: Tensor, to outputs: inout Outputs, _ layer: Layer, _ workers: Workers) {
    let channels = ChannelSums(
      tensor, channels: layer.rows, channelsFirst: layer.unfolding != nil, workers: workers)
    outputs.squares += channels.squares.reduce(0, +)
    for row in outputs.sums.indices { outputs.sums[row] += channels.sums[row] }
  }

  /// Adds a chunk's sums, as `flat` of another rank.
  mutating func add(flat: ArraySlice<Double>) {
    let (start, rows) = (flat.startIndex, onSameInputs.sums.count)
    precondition(flat.count == width, "\(flat.count) numbers for \(rows) channels")
    count += flat[start]
    error += flat[start + 1]
    drift += flat[start + 2]
    onSameInputs.squares += flat[start + 3]
    inFloatNetwork.squares += flat[start + 4]
    for row in 0..<rows {
      onSameInputs.sums[row] += flat[start + 5 + row]
      inFloatNetwork.sums[row] += flat[start + 5 + rows + row]
    }
  }

  /// Whether no output was NaN or infinite.
  var isFinite: Bool {
    (error + drift + onSameInputs.squares + inFloatNetwork.squares).isFinite
  }

  /// The numbers as they travel between ranks.
  var flat: [Double] {
    [count, error, drift, onSameInputs.squares, inFloatNetwork.squares] + onSameInputs.sums + inFloatNetwork.sums
  }

  /// How many numbers `flat` has.
  var width: Int { 5 + 2 * onSameInputs.sums.count }
}
