import Graphs
import LinearAlgebra

/// Conv: 1-D and 2-D convolution, grouped or not.
///
/// A dense 1 x 1 kernel is one matrix product per image; everything else runs as oneDNN's convolution.
struct ConvKernel: OperatorKernel {
  private let window: Window
  private let groups: Int
  private let convolutions = ShapeCache<ConvolutionShape, DNNConvolution>()
  private let packed = PackedWeightsCache()

  init(_ node: Node) throws(OperatorError) {
    window = try Window(node)
    groups = node.int("group", default: 1)
    guard groups >= 1 else { throw .invalid("group is \(groups)") }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    let w = try ComputeChecks.float(inputs, 1, "W")
    let b = try ComputeChecks.optionalFloat(inputs, 2, "B")
    guard x.shape.count >= 3, x.shape.count == w.shape.count else {
      throw .invalid("the input has \(x.shape.count) dimensions, the weight \(w.shape.count)")
    }
    let (channels, outputs) = (x.shape[1], w.shape[0])
    guard channels % groups == 0, w.shape[1] == channels / groups, outputs % groups == 0, outputs > 0, channels > 0
    else {
      throw .invalid("\(channels) channels in \(groups) groups do not fit a weight of \(w.shape)")
    }
    let kernel = Array(w.shape[2...])
    guard window.kernel == nil || window.kernel! == kernel else {
      throw .invalid("kernel_shape \(window.kernel!) contradicts a weight of \(w.shape)")
    }
    guard b == nil || b!.shape == [outputs] else { throw .invalid("a bias of \(b!.shape) for \(outputs) channels") }
    let placement = try window.place(input: Array(x.shape[2...]), kernel: kernel)
    return [TensorType(.float32, [x.shape[0], outputs] + placement.output)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (x, w, b) = (inputs[0]!, inputs[1]!, ComputeChecks.optional(inputs, 2))
    let placement = try window.place(input: Array(x.shape[2...]), kernel: Array(w.shape[2...]))
    // One spatial dimension is a picture of height 1.
    func planar(_ values: [Int], _ missing: Int) -> [Int] { values.count == 2 ? values : [missing] + values }
    let shape = ConvolutionShape(
      batch: x.shape[0], inputChannels: x.shape[1], outputChannels: w.shape[0], groups: groups,
      input: planar(placement.input, 1), kernel: planar(placement.kernel, 1), strides: planar(placement.strides, 1),
      dilations: planar(placement.dilations, 1), padsBefore: planar(placement.before, 0),
      padsAfter: planar(placement.after, 0), hasBias: b != nil)
    let output = try Tensor(shape: [x.shape[0], w.shape[0]] + placement.output) {
      (destination: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if destination.isEmpty { return }
      try x.withElements { (source: UnsafeBufferPointer<Float>) throws(OperatorError) in
        if Self.isMatrixProduct(shape) {
          w.withElements { weights in Self.multiply(shape, source, weights, b, into: destination) }
        } else {
          try convolve(shape, source, w, b, into: destination)
        }
      }
    }
    return [output]
  }

  /// Whether each output position reads one input position and all are used.
  private static func isMatrixProduct(_ shape: ConvolutionShape) -> Bool {
    shape.kernel == [1, 1] && shape.strides == [1, 1] && shape.groups == 1 && shape.output == shape.input
  }

  /// Y[n] = W X[n] + b, outputs x positions.
  private static func multiply(
    _ shape: ConvolutionShape, _ source: UnsafeBufferPointer<Float>, _ weights: UnsafeBufferPointer<Float>,
    _ bias: Tensor?, into destination: UnsafeMutableBufferPointer<Float>
  ) {
    let positions = shape.input[0] * shape.input[1]
    for image in 0..<shape.batch {
      let y = destination.baseAddress! + image * shape.outputChannels * positions
      if let bias {
        bias.withElements { (bias: UnsafeBufferPointer<Float>) in
          for channel in 0..<shape.outputChannels {
            (y + channel * positions).update(repeating: bias[channel], count: positions)
          }
        }
      }
      GEMM.multiply(
        rows: shape.outputChannels, columns: positions, depth: shape.inputChannels,
        weights.baseAddress!, stride: shape.inputChannels,
        source.baseAddress! + image * shape.inputChannels * positions, stride: positions,
        beta: bias == nil ? 0 : 1, into: y, stride: positions)
    }
  }

  private func convolve(
    _ shape: ConvolutionShape, _ source: UnsafeBufferPointer<Float>, _ weights: Tensor, _ bias: Tensor?,
    into destination: UnsafeMutableBufferPointer<Float>
  ) throws(OperatorError) {
    try ComputeChecks.library { () throws(DNNError) in
      let convolution = try convolutions.value(for: shape) { () throws(DNNError) in try DNNConvolution(shape) }
      let packed = try packed.weights(of: weights, for: convolution)
      if let bias {
        try bias.withElements { bias throws(DNNError) in
          try convolution.run(source, weights: packed, bias: bias, into: destination)
        }
      } else {
        try convolution.run(source, weights: packed, bias: nil, into: destination)
      }
    }
  }
}
