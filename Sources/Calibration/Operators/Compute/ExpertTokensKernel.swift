import Graphs

/// ExpertTokens: the rows of X whose tokens choose an expert, in their order.
///
/// How many they are depends on data: `infer` gives as many rows as X has, the most there can be (`Plan.openShares`).
struct ExpertTokensKernel: OperatorKernel {
  private let expert: Int

  init(_ node: Node) throws(OperatorError) { expert = node.int("expert", default: 0) }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let chosen = try inputs.required(1, named: "chosen")
    guard x.shape.count == 2, chosen.shape.count == 2, chosen.elementType == .bool, x.shape[0] == chosen.shape[0],
      (0..<chosen.shape[1]).contains(expert)
    else { throw .invalid("tokens \(x.shape) and choices \(chosen.shape) for expert \(expert)") }
    return [TensorType(.float32, x.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    [inputs.required(0).rows(ExpertTokens.rows(of: expert, chosen: inputs.required(1)))]
  }
}
