import Graphs
import LinearAlgebra

/// Softmax along one axis: exp(x - max) / sum, the exponentials by oneDNN.
struct SoftmaxKernel: OperatorKernel {
  private let axis: Int
  private let functions = ShapeCache<Int, DNNElementwise>()

  init(_ node: Node) throws(OperatorError) { axis = node.int("axis", default: -1) }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "input")
    // A scalar has one value whatever the axis.
    if !x.shape.isEmpty { _ = try ComputeChecks.axis(axis, rank: x.shape.count) }
    return [TensorType(.float32, x.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let axis = x.rank == 0 ? 0 : try ComputeChecks.axis(axis, rank: x.rank)
    let length = x.rank == 0 ? 1 : x.shape[axis]
    let inner = x.shape.dropFirst(axis + 1).reduce(1, *)
    let count = x.count
    let output = try Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if count == 0 { return }
      let outer = count / (length * inner)
      x.withElements { x in Self.subtractMaxima(x, outer, length, inner, into: y) }
      try ComputeChecks.library { () throws(DNNError) in
        let exponential = try functions.value(for: count) { () throws(DNNError) in
          try DNNElementwise(.exponential, count: count)
        }
        try exponential.run(UnsafeBufferPointer(y), into: y)
      }
      Self.divideBySums(y, outer, length, inner)
    }
    return [output]
  }

  private static func subtractMaxima(
    _ x: UnsafeBufferPointer<Float>, _ outer: Int, _ length: Int, _ inner: Int,
    into y: UnsafeMutableBufferPointer<Float>
  ) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: inner) { maxima in
      for block in 0..<outer {
        let (source, target) = (x.baseAddress! + block * length * inner, y.baseAddress! + block * length * inner)
        if inner == 1 {
          let largest = LaneSums.maximum(UnsafeBufferPointer(start: source, count: length))
          for i in 0..<length { target[i] = source[i] - largest }
          continue
        }
        maxima.update(repeating: -.infinity)
        for step in 0..<length {
          let row = source + step * inner
          for i in 0..<inner { maxima[i] = maxima[i] < row[i] ? row[i] : maxima[i] }
        }
        for step in 0..<length {
          for i in 0..<inner { target[step * inner + i] = source[step * inner + i] - maxima[i] }
        }
      }
    }
  }

  private static func divideBySums(_ y: UnsafeMutableBufferPointer<Float>, _ outer: Int, _ length: Int, _ inner: Int) {
    withUnsafeTemporaryAllocation(of: Float.self, capacity: inner) { sums in
      for block in 0..<outer {
        let target = y.baseAddress! + block * length * inner
        if inner == 1 {
          let factor = 1 / LaneSums.sum(UnsafeBufferPointer(start: target, count: length))
          for i in 0..<length { target[i] *= factor }
          continue
        }
        sums.update(repeating: 0)
        for step in 0..<length {
          for i in 0..<inner { sums[i] += target[step * inner + i] }
        }
        for i in 0..<inner { sums[i] = 1 / sums[i] }
        for step in 0..<length {
          for i in 0..<inner { target[step * inner + i] *= sums[i] }
        }
      }
    }
  }
}
