import Graphs

/// AveragePool: the mean of the values under a window of one to three dimensions.
struct AveragePoolKernel: OperatorKernel {
  private let window: Window
  private let kernel: [Int]
  private let countsPads: Bool

  init(_ node: Node) throws(OperatorError) {
    window = try Window(node, maximumRank: 3)
    guard let kernel = window.kernel else { throw .invalid("kernel_shape is missing") }
    self.kernel = kernel
    countsPads = node.int("count_include_pad", default: 0) != 0
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard x.shape.count == kernel.count + 2 else {
      throw .invalid("an input of \(x.shape) under a kernel of \(kernel)")
    }
    let placement = try window.place(input: Array(x.shape[2...]), kernel: kernel)
    return [TensorType(.float32, Array(x.shape[..<2]) + placement.output)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let place = PoolPlacement(try window.place(input: Array(x.shape[2...]), kernel: kernel))
    let volumes = x.shape[0] * x.shape[1]
    let (slices, rows, columns) = (counts(0, place), counts(1, place), counts(2, place))
    let output = Tensor(shape: Array(x.shape[..<2]) + place.spatialOutput) { (y: UnsafeMutableBufferPointer<Float>) in
      guard var target = y.baseAddress, !y.isEmpty else { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in place.reduce(x, volumes: volumes, into: y, initial: 0, +) }
      for _ in 0..<volumes {
        for slice in slices {
          for row in rows {
            for column in columns.indices { target[column] /= slice * row * columns[column] }
            target += columns.count
          }
        }
      }
    }
    return [output]
  }

  /// How many values each window has along an axis: with `count_include_pad` the pads too, but nothing behind them.
  private func counts(_ axis: Int, _ place: PoolPlacement) -> [Float] {
    (0..<place.output[axis]).map { position in
      var count = 0
      if countsPads {
        let end = place.input[axis] + place.after[axis]
        let start = position * place.strides[axis] - place.before[axis]
        for tap in 0..<place.kernel[axis] where start + tap * place.dilations[axis] < end { count += 1 }
      } else {
        for _ in place.taps(axis, at: position) { count += 1 }
      }
      return Float(max(count, 1))
    }
  }
}
