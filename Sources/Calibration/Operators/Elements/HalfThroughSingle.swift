import Graphs
import LinearAlgebra

/// Runs a kernel on 16-bit floating-point numbers by way of float32: inputs are widened, outputs rounded once.
///
/// The shape rule is that of the kernel itself, which must accept the 16-bit types in `infer`.
struct HalfThroughSingle<Kernel: OperatorKernel>: PiecewiseKernel {
  private let kernel: Kernel

  init(_ node: Node) throws(OperatorError) { kernel = try Kernel(node) }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] { try kernel.infer(inputs) }

  func pieceCount(_ inputs: [TensorType?]) -> Int { kernel.pieceCount(inputs) }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    // Operators that mix the two 16-bit types do not exist, so one of them is the type of the result.
    guard let half = inputs.lazy.compactMap({ $0?.elementType }).first(where: \.isHalf) else {
      return try kernel.run(inputs, workers)
    }
    let outputs = try kernel.run(inputs.map { $0.map { $0.elementType == half ? $0.cast(to: .float32) : $0 } }, workers)
    return outputs.map { $0.elementType == .float32 ? $0.cast(to: half) : $0 }
  }
}
