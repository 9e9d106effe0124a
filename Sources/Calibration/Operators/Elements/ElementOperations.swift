import Graphs

/// What is done to every element of a tensor.
///
/// A type and not a closure: loops are compiled once per type, with the operation inside, and so they vectorize; a
/// closure would be called for every element where a loop stands in a closure of its own.
protocol UnaryOperation {
  associatedtype Operand: TensorElement
  associatedtype Result: TensorElement
  func apply(_ x: Operand) -> Result
}

/// What is done to every pair of elements of two tensors; a type for the reason that `UnaryOperation` gives.
protocol BinaryOperation: Sendable {
  associatedtype Operand: TensorElement
  associatedtype Result: TensorElement
  func apply(_ a: Operand, _ b: Operand) -> Result
}

extension Tensor {
  /// `operation` on every element.
  func map<Operation: UnaryOperation>(_ operation: Operation) -> Tensor {
    Tensor(shape: shape, of: Operation.Result.self) { result in
      withElements(as: Operation.Operand.self) { elements in
        for i in elements.indices { result[i] = operation.apply(elements[i]) }
      }
    }
  }
}
