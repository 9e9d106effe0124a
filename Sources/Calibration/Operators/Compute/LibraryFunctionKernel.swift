import Graphs
import LinearAlgebra

/// A function of one float32 number, element by element, that oneDNN computes: Sigmoid, Tanh, Exp, Gelu, Swish.
struct LibraryFunctionKernel: PiecewiseKernel {
  private let function: DNNFunction
  private let functions = ShapeCache<Int, DNNElementwise>()

  init(_ node: Node) throws(OperatorError) {
    switch node.kind {
    case .sigmoid: function = .logistic
    case .tanh: function = .tanh
    case .exp: function = .exponential
    case .swish: function = .swish(alpha: node.float("alpha", default: 1))
    case .gelu:
      switch node.string("approximate", default: "none") {
      case "none": function = .gelu
      case "tanh": function = .geluTanh
      case let other: throw .invalid("approximate is \(other); it must be none or tanh")
      }
    default: throw .unsupported("operator \(node.kind.rawValue)")
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    [TensorType(.float32, try ComputeChecks.float(inputs, 0, "X").shape)]
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let count = x.count
    let output = try Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if count == 0 { return }
      try x.withElements { (x: UnsafeBufferPointer<Float>) throws(OperatorError) in
        nonisolated(unsafe) let (x, y) = (x, y)
        let size = Pieces.elements
        try workers.forEach((count + size - 1) / size) { piece throws(OperatorError) in
          let range = piece * size..<min((piece + 1) * size, count)
          try ComputeChecks.library { () throws(DNNError) in
            let primitive = try functions.value(for: range.count) { () throws(DNNError) in
              try DNNElementwise(function, count: range.count)
            }
            try primitive.run(
              UnsafeBufferPointer(rebasing: x[range]), into: UnsafeMutableBufferPointer(rebasing: y[range]))
          }
        }
      }
    }
    return [output]
  }
}
