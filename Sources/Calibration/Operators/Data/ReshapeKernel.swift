import Graphs

/// Reshape: the same elements under another shape; -1 is the dimension that fits, 0 one that is kept (unless
/// `allowzero` is set). Shares the memory of its input.
struct ReshapeKernel: OperatorKernel {
  private let allowsZero: Bool

  init(_ node: Node) throws(OperatorError) { allowsZero = node.int("allowzero", default: 0) != 0 }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let data = try inputs.required(0, named: "data")
    let target = try inputs.known(1, named: "shape").integers(named: "shape")
    return [TensorType(data.elementType, try reshaped(data.shape, to: target))]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let data = inputs.required(0)
    let target = try inputs.required(1).integers(named: "shape")
    return [data.reshaped(try reshaped(data.shape, to: target))]
  }

  private func reshaped(_ shape: [Int], to target: [Int]) throws(OperatorError) -> [Int] {
    var result = target
    var open: Int?
    for (axis, dimension) in target.enumerated() {
      if dimension == -1 {
        guard open == nil else { throw .invalid("the shape \(target) has two dimensions of -1") }
        open = axis
        result[axis] = 1
      } else if dimension == 0, !allowsZero {
        guard axis < shape.count else {
          throw .invalid("the shape \(target) keeps dimension \(axis), which the input \(shape) does not have")
        }
        result[axis] = shape[axis]
      }
    }
    let known = try checkedShape(result).reduce(1, *)
    let count = shape.reduce(1, *)
    if let open {
      guard known > 0, count % known == 0 else {
        throw .invalid("the input \(shape) has \(count) elements, which do not fit the shape \(target)")
      }
      result[open] = count / known
    }
    guard result.reduce(1, *) == count else {
      throw .invalid("the input \(shape) has \(count) elements, which do not fit the shape \(target)")
    }
    return result
  }
}
