import Graphs

/// Transpose: dimension i of the result is dimension `perm[i]` of the input; without `perm` the order is reversed.
struct TransposeKernel: OperatorKernel {
  private let permutation: [Int]?

  init(_ node: Node) throws(OperatorError) { permutation = node.ints("perm") }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    let order = try order(rank: data.shape.count)
    return [TensorType(data.elementType, order.map { data.shape[$0] })]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    let order = try order(rank: data.rank)
    let steps = StridedCopy.contiguousSteps(of: data.shape)
    let shape = order.map { data.shape[$0] }
    // Where only dimensions of 1 change places, no element moves.
    let moving = order.filter { data.shape[$0] != 1 }
    if moving == moving.sorted() { return [data.reshaped(shape)] }
    return [StridedCopy(shape: shape, steps: order.map { steps[$0] }).apply(to: data)]
  }

  private func order(rank: Int) throws(OperatorError) -> [Int] {
    guard let permutation else { return (0..<rank).reversed() }
    guard permutation.sorted() == Array(0..<rank) else {
      throw .invalid("perm \(permutation) is not a permutation of \(rank) dimensions")
    }
    return permutation
  }
}
