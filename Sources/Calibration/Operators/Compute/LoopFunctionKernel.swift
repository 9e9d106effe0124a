import Foundation
import Graphs
import LinearAlgebra

/// A function of one float32 number, element by element, that a plain loop computes.
struct LoopFunctionKernel: PiecewiseKernel {
  private enum Function {
    case relu
    case leakyRelu(slope: Float)
    case hardSigmoid(slope: Float, offset: Float)
    case hardSwish
    case squareRoot
    case errorFunction
    case logarithm
  }

  private let function: Function

  init(_ node: Node) throws(OperatorError) {
    switch node.kind {
    case .relu: function = .relu
    case .leakyRelu: function = .leakyRelu(slope: node.float("alpha", default: 0.01))
    case .hardSigmoid:
      function = .hardSigmoid(slope: node.float("alpha", default: 0.2), offset: node.float("beta", default: 0.5))
    case .hardSwish: function = .hardSwish
    case .sqrt: function = .squareRoot
    case .erf: function = .errorFunction
    case .log: function = .logarithm  // oneDNN's is off by up to 15 units in the last place
    default: throw .unsupported("operator \(node.kind.rawValue)")
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    [TensorType(.float32, try ComputeChecks.float(inputs, 0, "X").shape)]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        nonisolated(unsafe) let (x, y) = (x, y)
        workers.forEachRange(x.count, size: Pieces.elements) { range in
          apply(
            UnsafeBufferPointer(rebasing: x[range]), into: UnsafeMutableBufferPointer(rebasing: y[range]))
        }
      }
    }
    return [output]
  }

  /// Comparisons are written so that NaN stays NaN and each loop vectorizes.
  private func apply(_ x: UnsafeBufferPointer<Float>, into y: UnsafeMutableBufferPointer<Float>) {
    switch function {
    case .relu: for i in x.indices { y[i] = x[i] < 0 ? 0 : x[i] }
    case .leakyRelu(let slope): for i in x.indices { y[i] = x[i] < 0 ? slope * x[i] : x[i] }
    case .hardSigmoid(let slope, let offset): for i in x.indices { y[i] = Self.clamped(slope * x[i] + offset) }
    case .hardSwish: for i in x.indices { y[i] = x[i] * Self.clamped(x[i] * (1 / 6) + 0.5) }
    case .squareRoot: for i in x.indices { y[i] = x[i].squareRoot() }
    case .errorFunction: for i in x.indices { y[i] = erff(x[i]) }
    case .logarithm: for i in x.indices { y[i] = logf(x[i]) }
    }
  }

  @inline(__always)
  private static func clamped(_ value: Float) -> Float {
    let low = value < 0 ? 0 : value
    return low > 1 ? 1 : low
  }
}
