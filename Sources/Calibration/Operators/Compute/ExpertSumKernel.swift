import Graphs

/// ExpertSum: for each token the sum of its experts' outputs times their weights, in the order of the experts.
///
/// Inputs: weights and choices, both (tokens, experts), then for each expert its outputs, a row for each token that
/// chooses it. A token that is among an expert's though its weight is 0 takes nothing from it.
struct ExpertSumKernel: OperatorKernel {
  init(_ node: Node) throws(OperatorError) {}

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let weights = try ComputeChecks.float(inputs, 0, "weights")
    let chosen = try inputs.required(1, named: "chosen")
    guard weights.shape.count == 2, chosen.elementType == .bool, chosen.shape == weights.shape,
      inputs.count == 2 + weights.shape[1], inputs.count > 2
    else { throw .invalid("weights \(weights.shape) for \(inputs.count - 2) experts") }
    let first = try ComputeChecks.float(inputs, 2, "the outputs of expert 0")
    for index in inputs.indices.dropFirst(2) {
      let output = try ComputeChecks.float(inputs, index, "the outputs of expert \(index - 2)")
      guard output.shape == first.shape, output.shape.count == 2, output.shape[0] == weights.shape[0] else {
        throw .invalid("expert \(index - 2) gives \(output.shape) where \(first.shape) is expected")
      }
    }
    return [TensorType(.float32, first.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (weights, chosen) = (inputs.required(0), inputs.required(1))
    let (tokens, experts, width) = (weights.shape[0], weights.shape[1], inputs.required(2).shape[1])
    let sum = Tensor(shape: [tokens, width]) { (sum: UnsafeMutableBufferPointer<Float>) in
      sum.update(repeating: 0)
      weights.withElements { (weights: UnsafeBufferPointer<Float>) in
        for expert in 0..<experts {
          let rows = ExpertTokens.rows(of: expert, chosen: chosen)
          let output = inputs.required(2 + expert)
          precondition(output.shape == [rows.count, width], "\(output.shape) for \(rows.count) tokens")
          output.withElements { (output: UnsafeBufferPointer<Float>) in
            for (place, token) in rows.enumerated() {
              let weight = weights[token * experts + expert]
              if weight == 0 { continue }
              let source = UnsafeBufferPointer(rebasing: output[place * width..<(place + 1) * width])
              let target = UnsafeMutableBufferPointer(rebasing: sum[token * width..<(token + 1) * width])
              for column in source.indices { target[column] += weight * source[column] }
            }
          }
        }
      }
    }
    return [sum]
  }
}
