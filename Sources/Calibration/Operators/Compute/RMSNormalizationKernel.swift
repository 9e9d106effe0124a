import Graphs
import LinearAlgebra

/// RMSNormalization: each slice behind `axis` is divided by the root of its mean square, then scaled.
///
/// y = x / sqrt(mean(x²) + epsilon) * scale, in float32. ONNX operator set 23.
struct RMSNormalizationKernel: PiecewiseKernel {
  private let axis: Int
  private let epsilon: Float

  init(_ node: Node) throws(OperatorError) {
    guard node.int("stash_type", default: 1) == 1 else { throw .unsupported("a stash_type other than float32") }
    axis = node.int("axis", default: -1)
    epsilon = node.float("epsilon", default: 1e-5)
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let scale = try ComputeChecks.float(inputs, 1, "scale")
    let axis = try ComputeChecks.axis(axis, rank: x.shape.count)
    try SliceParameter.check(scale, "scale", slice: x.shape[axis...])
    return [TensorType(.float32, x.shape)]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let axis = try ComputeChecks.axis(axis, rank: x.rank)
    let slice = Array(x.shape[axis...])
    let (count, size) = (x.shape[..<axis].reduce(1, *), slice.reduce(1, *))
    let scale = SliceParameter.spread(inputs[1]!, over: slice)
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      if y.isEmpty { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        scale.withUnsafeBufferPointer { scale in
          nonisolated(unsafe) let (x, y, scale) = (x, y, scale)
          workers.forEachRange(count, size: Pieces.rows(size)) { rows in
            for index in rows {
              let source = UnsafeBufferPointer(rebasing: x[index * size..<(index + 1) * size])
              let target = UnsafeMutableBufferPointer(rebasing: y[index * size..<(index + 1) * size])
              let inverse = 1 / (LaneSums.squares(source, around: 0) / Float(size) + epsilon).squareRoot()
              for i in 0..<size { target[i] = source[i] * inverse * scale[i] }
            }
          }
        }
      }
    }
    return [output]
  }
}
