import Graphs

/// ExpertWeights: the `k` largest values of each row, divided by their sum if `normalize` is 1; the others become 0.
///
/// Of equal values the first ones are taken. The second output says which they are: all values that are not 0. Not an
/// operator of ONNX: it chooses the experts of a mixture for each token.
struct ExpertWeightsKernel: OperatorKernel {
  private let count: Int
  private let normalizes: Bool

  init(_ node: Node) throws(OperatorError) {
    count = node.int("k", default: 1)
    normalizes = node.int("normalize", default: 0) != 0
    guard count > 0 else { throw .invalid("k is \(count)") }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard x.shape.count == 2, count <= x.shape[1] else { throw .invalid("\(count) of the experts of \(x.shape)") }
    return [TensorType(.float32, x.shape), TensorType(.bool, x.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let width = x.shape[1]
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      y.update(repeating: 0)
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        for row in 0..<x.count / max(width, 1) {
          let line = x[row * width..<(row + 1) * width]
          let chosen = line.indices.sorted { line[$0] != line[$1] ? line[$0] > line[$1] : $0 < $1 }.prefix(count)
          let sum = normalizes ? chosen.reduce(0) { $0 + line[$1] } : 1
          for index in chosen { y[index] = line[index] / sum }
        }
      }
    }
    // What is NaN counts as chosen, so that it is found where inputs are checked.
    let chosen = Tensor(shape: x.shape) { (chosen: UnsafeMutableBufferPointer<Bool>) in
      output.withElements { (y: UnsafeBufferPointer<Float>) in
        for index in y.indices { chosen[index] = y[index] != 0 }
      }
    }
    return [output, chosen]
  }
}
