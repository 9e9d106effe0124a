import Graphs

/// Dropout in inference: the input itself, and a mask that is true everywhere if the node asks for one.
///
/// Training mode (with a ratio above 0) is refused: its result is random.
struct DropoutKernel: OperatorKernel {
  private let wantsMask: Bool

  init(_ node: Node) throws(OperatorError) { wantsMask = node.outputs.count > 1 }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let input = try inputs.required(0, named: "data")
    try refuseTraining(ratio: inputs.optional(1)?.constant, mode: inputs.optional(2)?.constant)
    let output = TensorType(input.elementType, input.shape)
    return wantsMask ? [output, TensorType(.bool, input.shape)] : [output]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let input = inputs.required(0)
    try refuseTraining(ratio: inputs.optional(1), mode: inputs.optional(2))
    guard wantsMask else { return [input] }
    return [input, Tensor(shape: input.shape, of: Bool.self) { $0.update(repeating: true) }]
  }

  private func refuseTraining(ratio: Tensor?, mode: Tensor?) throws(OperatorError) {
    guard let mode, mode.count == 1, mode.cast(to: .bool).first(as: Bool.self) else { return }
    let ratio = ratio.map { $0.count == 1 ? $0.cast(to: .float64).first(as: Double.self) : 0.5 } ?? 0.5
    if ratio != 0 { throw .unsupported("Dropout in training mode, whose result is random") }
  }
}
