import Foundation
import Graphs
import Models

/// A file of one layer with correlated inputs, and what a test computes from it by sums over the inputs.
struct LayerSetFixture {
  static let (rows, columns, tokens) = (37, 12, 200)
  let weights: [Float]
  let inputs: [Float]
  let folder: URL

  /// The file.
  var path: String { folder.appending(path: "layers.safetensors").path }

  /// Writes the file to a folder of its own; the caller removes it.
  init() throws {
    var state: UInt64 = 12345
    func random() -> Float {
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int64(state >> 33)) / Float(1 << 30) - 1
    }
    weights = (0..<Self.rows * Self.columns).map { _ in random() }
    var inputs: [Float] = []
    for _ in 0..<Self.tokens {
      let shared = random()
      // Neighbours are correlated, and the mean is not zero.
      inputs += (0..<Self.columns).map { column in 0.4 + shared + 0.3 * random() * Float(column + 1) }
    }
    self.inputs = inputs
    folder = FileManager.default.temporaryDirectory.appending(path: "rankwise-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    try TensorArchive.write(
      [
        "block.weight": Tensor(weights, shape: [Self.rows, Self.columns]),
        "block.inputs": Tensor(inputs, shape: [Self.tokens, Self.columns]),
        "block.bias": Tensor([Float](repeating: 0, count: Self.rows), shape: [Self.rows]),
      ], to: path)
  }

  /// The input `token`.
  func input(_ token: Int) -> [Double] {
    inputs[token * Self.columns..<(token + 1) * Self.columns].map(Double.init)
  }

  /// W - Q with each row rounded on its min-max grid.
  func roundingErrors(bits: Int) -> [[Double]] {
    (0..<Self.rows).map { row in
      let values = weights[row * Self.columns..<(row + 1) * Self.columns]
      let (low, high) = (min(0, values.min()!), max(0, values.max()!))
      let steps = Float((1 << bits) - 1)
      let scale = (high - low) / steps
      let zero = (-low / scale).rounded(.toNearestOrEven)
      return values.map { value in
        let code = min(max((value / scale).rounded(.toNearestOrEven) + zero, 0), steps)
        return Double(value) - Double((code - zero) * scale)
      }
    }
  }
}
