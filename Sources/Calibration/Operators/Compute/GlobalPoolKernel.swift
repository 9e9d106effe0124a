import Graphs

/// GlobalAveragePool and GlobalMaxPool: one value per channel from all its positions.
struct GlobalPoolKernel: OperatorKernel {
  private let largest: Bool

  init(_ node: Node) throws(OperatorError) { largest = node.kind == .globalMaxPool }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard x.shape.count >= 2, !x.shape[2...].contains(0) else { throw .invalid("an input of \(x.shape)") }
    return [TensorType(.float32, Self.shape(x.shape))]
  }

  private static func shape(_ shape: [Int]) -> [Int] { shape[..<2] + shape[2...].map { _ in 1 } }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let size = x.shape[2...].reduce(1, *)
    let output = Tensor(shape: Self.shape(x.shape)) { (y: UnsafeMutableBufferPointer<Float>) in
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        for plane in y.indices {
          let values = UnsafeBufferPointer(rebasing: x[plane * size..<(plane + 1) * size])
          y[plane] = largest ? LaneSums.maximum(values) : LaneSums.sum(values) / Float(size)
        }
      }
    }
    return [output]
  }
}
