import Calibration
import Graphs
import LinearAlgebra
import Models

/// A language model that is ready to predict the tokens of windows.
///
/// Logits are formed for `headRows` tokens at a time, so that memory does not grow with vocabulary times length.
struct WindowLosses: Sendable {
  let windows: TokenWindows
  private let body: Executor
  private let head: Executor
  private let loss: TokenLoss

  /// Tokens whose logits are held at a time.
  private static let headRows = 256

  /// Prepares `model` for `windows`.
  init(_ model: HuggingFaceModel, _ windows: TokenWindows) throws {
    self.windows = windows
    body = try Executor(graph: try model.bodyGraph())
    head = try Executor(graph: try model.headGraph())
    loss = try TokenLoss(vocabulary: model.vocabularySize)
  }

  /// The sum of the losses of each window of a chunk.
  func losses(of chunk: Range<Int>, _ workers: Workers) throws -> [Double] {
    let outputs = try body.run(inputs: [body.graph.inputs[0]: windows.tensor(chunk)], workers: workers)
    let hidden = outputs[body.graph.outputs[0]]!
    let width = hidden.shape[1]
    return try chunk.enumerated().map { place, window in
      // The last token of a window predicts nothing that is in it.
      var sum = 0.0
      for start in stride(from: 0, to: windows.length - 1, by: Self.headRows) {
        let end = min(start + Self.headRows, windows.length - 1)
        let first = place * windows.length + start
        let rows = hidden.withElements(as: Float.self) { hidden in
          Tensor(shape: [end - start, width]) { (target: UnsafeMutableBufferPointer<Float>) in
            _ = target.update(fromContentsOf: hidden[first * width..<(first + end - start) * width])
          }
        }
        let logits = try head.run(inputs: [head.graph.inputs[0]: rows], workers: workers)[head.graph.outputs[0]]!
        let targets = (start + 1...end).map { Int(windows.ids[window * windows.length + $0]) }
        sum += try loss.sum(logits, targets: targets[...])
      }
      return sum
    }
  }
}
