import Graphs
import LinearAlgebra

/// LayerNormalization: each slice behind `axis` is brought to mean 0 and variance 1, then scaled and shifted.
struct LayerNormalizationKernel: PiecewiseKernel {
  private let axis: Int
  private let epsilon: Float
  private let outputCount: Int

  init(_ node: Node) throws(OperatorError) {
    guard node.int("stash_type", default: 1) == 1 else { throw .unsupported("a stash_type other than float32") }
    axis = node.int("axis", default: -1)
    epsilon = node.float("epsilon", default: 1e-5)
    outputCount = max(1, min(3, (node.outputs.lastIndex { $0 != nil } ?? 0) + 1))
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let scale = try ComputeChecks.float(inputs, 1, "Scale")
    let bias = try ComputeChecks.optionalFloat(inputs, 2, "B")
    let axis = try ComputeChecks.axis(axis, rank: x.shape.count)
    for (name, facts) in [("Scale", scale), ("B", bias)] {
      if let facts { try SliceParameter.check(facts, name, slice: x.shape[axis...]) }
    }
    let statistics = Array(x.shape[..<axis]) + x.shape[axis...].map { _ in 1 }
    return [TensorType(.float32, x.shape), TensorType(.float32, statistics), TensorType(.float32, statistics)]
      .prefix(outputCount).map(\.self)
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let axis = try ComputeChecks.axis(axis, rank: x.rank)
    let slice = Array(x.shape[axis...])
    let (count, size) = (x.shape[..<axis].reduce(1, *), slice.reduce(1, *))
    let scale = SliceParameter.spread(inputs[1]!, over: slice)
    let bias = ComputeChecks.optional(inputs, 2).map { SliceParameter.spread($0, over: slice) }
    var (means, inverses) = ([Float](repeating: 0, count: count), [Float](repeating: 0, count: count))
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        if size == 0 { return }
        means.withUnsafeMutableBufferPointer { means in
          inverses.withUnsafeMutableBufferPointer { inverses in
            nonisolated(unsafe) let (x, y, means, inverses) = (x, y, means, inverses)
            workers.forEachRange(count, size: Pieces.rows(size)) { rows in
              for index in rows {
                let source = UnsafeBufferPointer(rebasing: x[index * size..<(index + 1) * size])
                let target = UnsafeMutableBufferPointer(rebasing: y[index * size..<(index + 1) * size])
                let mean = LaneSums.sum(source) / Float(size)
                let inverse = 1 / (LaneSums.squares(source, around: mean) / Float(size) + epsilon).squareRoot()
                (means[index], inverses[index]) = (mean, inverse)
                scale.withUnsafeBufferPointer { scale in
                  for i in 0..<size { target[i] = (source[i] - mean) * inverse * scale[i] }
                }
                bias?.withUnsafeBufferPointer { bias in
                  for i in 0..<size { target[i] += bias[i] }
                }
              }
            }
          }
        }
      }
    }
    let statistics = Array(x.shape[..<axis]) + slice.map { _ in 1 }
    return [output, Tensor(means, shape: statistics), Tensor(inverses, shape: statistics)]
      .prefix(outputCount).map(\.self)
  }
}
