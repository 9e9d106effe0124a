import Graphs
import LinearAlgebra

/// Conv: 1-D and 2-D convolution, grouped or not.
///
/// A dense 1 x 1 kernel is one matrix product per image; everything else runs as oneDNN's convolution, some images at a time.
struct ConvKernel: PiecewiseKernel {
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

  /// The convolution of an input and a weight of these shapes, and the spatial shape of the output.
  private func shape(_ x: [Int], _ w: [Int], hasBias: Bool) throws(OperatorError) -> (ConvolutionShape, [Int]) {
    let placement = try window.place(input: Array(x[2...]), kernel: Array(w[2...]))
    // One spatial dimension is a picture of height 1.
    func planar(_ values: [Int], _ missing: Int) -> [Int] { values.count == 2 ? values : [missing] + values }
    let shape = ConvolutionShape(
      batch: x[0], inputChannels: x[1], outputChannels: w[0], groups: groups,
      input: planar(placement.input, 1), kernel: planar(placement.kernel, 1), strides: planar(placement.strides, 1),
      dilations: planar(placement.dilations, 1), padsBefore: planar(placement.before, 0),
      padsAfter: planar(placement.after, 0), hasBias: hasBias)
    return (shape, placement.output)
  }

  func pieceCount(_ inputs: [TensorType?]) -> Int {
    guard let x = inputs[0], let w = inputs[1], let (shape, _) = try? shape(x.shape, w.shape, hasBias: false) else {
      return 1
    }
    if Self.isMatrixProduct(shape) { return shape.batch * Self.tiles(shape).count }
    return (shape.batch + Self.imagesOfPiece(shape) - 1) / Self.imagesOfPiece(shape)
  }

  func run(_ inputs: [Tensor?], _ workers: Workers) throws(OperatorError) -> [Tensor] {
    let (x, w, b) = (inputs[0]!, inputs[1]!, ComputeChecks.optional(inputs, 2))
    let (shape, spatial) = try shape(x.shape, w.shape, hasBias: b != nil)
    let output = try Tensor(shape: [x.shape[0], w.shape[0]] + spatial) {
      (destination: UnsafeMutableBufferPointer<Float>) throws(OperatorError) in
      if destination.isEmpty { return }
      try x.withElements { (source: UnsafeBufferPointer<Float>) throws(OperatorError) in
        if Self.isMatrixProduct(shape) {
          w.withElements { weights in Self.multiply(shape, source, weights, b, into: destination, workers) }
        } else {
          try convolve(shape, source, w, b, into: destination, workers)
        }
      }
    }
    return [output]
  }

  /// Whether each output position reads one input position and all are used.
  private static func isMatrixProduct(_ shape: ConvolutionShape) -> Bool {
    shape.kernel == [1, 1] && shape.strides == [1, 1] && shape.groups == 1 && shape.output == shape.input
  }

  /// Batches of as many images are cut into images alone.
  private static let manyImages = 8

  /// The pieces of the product of an image.
  private static func tiles(_ shape: ConvolutionShape) -> ProductTiles {
    ProductTiles(
      rows: shape.outputChannels, columns: shape.input[0] * shape.input[1],
      depth: shape.batch < manyImages ? shape.inputChannels : 0)
  }

  /// Y[n] = W X[n] + b, outputs x positions.
  private static func multiply(
    _ shape: ConvolutionShape, _ source: UnsafeBufferPointer<Float>, _ weights: UnsafeBufferPointer<Float>,
    _ bias: Tensor?, into destination: UnsafeMutableBufferPointer<Float>, _ workers: Workers
  ) {
    let positions = shape.input[0] * shape.input[1]
    let (outputs, inputs) = (shape.outputChannels, shape.inputChannels)
    let tiles = tiles(shape)
    nonisolated(unsafe) let (source, weights, destination) = (
      source.baseAddress!, weights.baseAddress!, destination.baseAddress!
    )
    workers.forEach(shape.batch * tiles.count) { piece in
      let (image, tile) = piece.quotientAndRemainder(dividingBy: tiles.count)
      let (rows, columns) = tiles[tile]
      let y = destination + (image * outputs + rows.lowerBound) * positions + columns.lowerBound
      if let bias {
        bias.withElements { (bias: UnsafeBufferPointer<Float>) in
          for (row, channel) in rows.enumerated() {
            (y + row * positions).update(repeating: bias[channel], count: columns.count)
          }
        }
      }
      GEMM.multiply(
        rows: rows.count, columns: columns.count, depth: inputs, weights + rows.lowerBound * inputs, stride: inputs,
        source + image * inputs * positions + columns.lowerBound, stride: positions,
        beta: bias == nil ? 0 : 1, into: y, stride: positions)
    }
  }

  /// Operations of a piece at least, so that it hides what its reorders of the channels and its call cost.
  private static let fewestOperations = 1 << 26

  private static func imagesOfPiece(_ shape: ConvolutionShape) -> Int {
    let operations = max(1, 2 * shape.weightCount * shape.output[0] * shape.output[1])
    return max(1, min(shape.batch, (fewestOperations + operations - 1) / operations))
  }

  private func convolve(
    _ whole: ConvolutionShape, _ source: UnsafeBufferPointer<Float>, _ weights: Tensor, _ bias: Tensor?,
    into destination: UnsafeMutableBufferPointer<Float>, _ workers: Workers
  ) throws(OperatorError) {
    let step = Self.imagesOfPiece(whole)
    let (input, output) = (whole.sourceCount / whole.batch, whole.destinationCount / whole.batch)
    nonisolated(unsafe) let (source, destination) = (source, destination)
    try workers.forEach((whole.batch + step - 1) / step) { piece throws(OperatorError) in
      let images = piece * step..<min((piece + 1) * step, whole.batch)
      var shape = whole
      shape.batch = images.count
      let x = UnsafeBufferPointer(rebasing: source[images.lowerBound * input..<images.upperBound * input])
      let y = UnsafeMutableBufferPointer(
        rebasing: destination[images.lowerBound * output..<images.upperBound * output])
      try ComputeChecks.library { [shape] () throws(DNNError) in
        let convolution = try convolutions.value(for: shape) { () throws(DNNError) in try DNNConvolution(shape) }
        let packed = try packed.weights(of: weights, for: convolution)
        if let bias {
          try bias.withElements { bias throws(DNNError) in
            try convolution.run(x, weights: packed, bias: bias, into: y)
          }
        } else {
          try convolution.run(x, weights: packed, bias: nil, into: y)
        }
      }
    }
  }
}
