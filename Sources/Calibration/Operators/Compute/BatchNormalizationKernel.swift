import Graphs

/// BatchNormalization as inference uses it: a factor and an offset per channel from stored mean and variance.
struct BatchNormalizationKernel: OperatorKernel {
  private let epsilon: Float

  init(_ node: Node) throws(OperatorError) {
    guard node.int("training_mode", default: 0) == 0 else { throw .unsupported("training_mode 1") }
    guard !node.outputs.dropFirst().contains(where: { $0 != nil }) else { throw .unsupported("outputs of training") }
    epsilon = node.float("epsilon", default: 1e-5)
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard !x.shape.isEmpty else { throw .invalid("a scalar has no channels") }
    let channels = x.shape.count > 1 ? x.shape[1] : 1
    for (index, name) in ["scale", "B", "input_mean", "input_var"].enumerated() {
      let facts = try ComputeChecks.float(inputs, index + 1, name)
      guard facts.shape == [channels] else { throw .invalid("\(name) of \(facts.shape) for \(channels) channels") }
    }
    return [TensorType(.float32, x.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let parameters = inputs[1...4].map { $0!.array(of: Float.self) }
    let channels = parameters[0].count
    // y = factor x + offset, both found in float64 and rounded once.
    let factors = (0..<channels).map {
      Double(parameters[0][$0]) / (Double(parameters[3][$0]) + Double(epsilon)).squareRoot()
    }
    let offsets = (0..<channels).map { Float(Double(parameters[1][$0]) - Double(parameters[2][$0]) * factors[$0]) }
    let size = x.shape.dropFirst(2).reduce(1, *)
    let output = Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      guard !y.isEmpty else { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        for plane in 0..<y.count / size {
          let (factor, offset) = (Float(factors[plane % channels]), offsets[plane % channels])
          let (source, target) = (x.baseAddress! + plane * size, y.baseAddress! + plane * size)
          for index in 0..<size { target[index] = factor * source[index] + offset }
        }
      }
    }
    return [output]
  }
}
