import Graphs

/// MaxPool: the largest value under a 1-D or 2-D window, and on demand its position.
struct MaxPoolKernel: OperatorKernel {
  private let window: Window
  private let kernel: [Int]
  private let wantsIndices: Bool
  private let columnMajor: Bool

  init(_ node: Node) throws(OperatorError) {
    window = try Window(node)
    guard let kernel = window.kernel else { throw .invalid("kernel_shape is missing") }
    self.kernel = kernel
    wantsIndices = node.outputs.count > 1 && node.outputs[1] != nil
    columnMajor = node.int("storage_order", default: 0) != 0
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard x.shape.count == kernel.count + 2 else {
      throw .invalid("an input of \(x.shape) under a kernel of \(kernel)")
    }
    let shape = x.shape[..<2] + (try window.place(input: Array(x.shape[2...]), kernel: kernel)).output
    return [TensorType(.float32, Array(shape))] + (wantsIndices ? [TensorType(.int64, Array(shape))] : [])
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let place = PoolPlacement(try window.place(input: Array(x.shape[2...]), kernel: kernel))
    let planes = x.shape[0] * x.shape[1]
    let shape = x.shape[..<2] + place.spatialOutput
    if wantsIndices { return indexed(x, place, planes: planes, shape: Array(shape)) }
    let output = Tensor(shape: Array(shape)) { (y: UnsafeMutableBufferPointer<Float>) in
      guard !y.isEmpty else { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        place.reduce(x, planes: planes, into: y, initial: -.infinity) { $0 < $1 ? $1 : $0 }
      }
    }
    return [output]
  }

  /// Values and flat positions in the whole input, the first of equal values.
  private func indexed(_ x: Tensor, _ place: PoolPlacement, planes: Int, shape: [Int]) -> [Tensor] {
    let (height, width) = (place.input[0], place.input[1])
    var (values, indices) = ([Float](), [Int64]())
    values.reserveCapacity(shape.reduce(1, *))
    indices.reserveCapacity(shape.reduce(1, *))
    x.withElements { (x: UnsafeBufferPointer<Float>) in
      for plane in 0..<planes {
        for row in 0..<place.output[0] {
          for column in 0..<place.output[1] {
            var (best, position) = (-Float.infinity, 0)
            for r in place.taps(0, at: row) {
              for c in place.taps(1, at: column) {
                let value = x[(plane * height + r) * width + c]
                if value > best || best == -.infinity && position == 0 {
                  best = value
                  position = plane * height * width + (columnMajor ? c * height + r : r * width + c)
                }
              }
            }
            values.append(best)
            indices.append(Int64(position))
          }
        }
      }
    }
    return [Tensor(values, shape: shape), Tensor(indices, shape: shape)]
  }
}
