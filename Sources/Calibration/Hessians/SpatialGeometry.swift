import Graphs

/// The sizes of a convolution on one input shape: how many positions, and which element each column entry reads.
struct SpatialGeometry: Sendable {
  /// Channels of the input.
  let channels: Int
  /// Rows and columns of the input plane; a 1-D signal has one row.
  let height: Int, width: Int
  /// Kernel, stride, dilation and the padding before, per dimension (vertical, horizontal).
  let kernel: (Int, Int), stride: (Int, Int), dilation: (Int, Int), padding: (Int, Int)
  /// Rows and columns of the output plane.
  let outputHeight: Int, outputWidth: Int

  /// Output positions of one image: columns of X that one image gives.
  var positions: Int { outputHeight * outputWidth }

  /// The geometry of `unfolding` on an input of `shape` (N, C, W) or (N, C, H, W).
  ///
  /// Output sizes and `auto_pad` follow ONNX operator set 21, Conv.
  init(_ unfolding: Unfolding, shape: [Int]) {
    let spatial = Array(shape.dropFirst(2))
    precondition(spatial.count == unfolding.kernel.count, "kernel \(unfolding.kernel) on input \(shape)")
    var before: [Int] = []
    var output: [Int] = []
    for (axis, size) in spatial.enumerated() {
      let extent = (unfolding.kernel[axis] - 1) * unfolding.dilations[axis] + 1
      let stride = unfolding.strides[axis]
      switch unfolding.autoPad {
      case "SAME_UPPER", "SAME_LOWER":
        let count = (size + stride - 1) / stride
        let total = max((count - 1) * stride + extent - size, 0)
        before.append(unfolding.autoPad == "SAME_UPPER" ? total / 2 : total - total / 2)
        output.append(count)
      case "VALID":
        before.append(0)
        output.append((size - extent) / stride + 1)
      default:
        let padded = size + unfolding.pads[axis] + unfolding.pads[axis + spatial.count]
        before.append(unfolding.pads[axis])
        output.append((padded - extent) / stride + 1)
      }
    }
    func pair(_ values: [Int], _ missing: Int) -> (Int, Int) {
      values.count == 1 ? (missing, values[0]) : (values[0], values[1])
    }
    channels = shape[1]
    (height, width) = pair(spatial, 1)
    (outputHeight, outputWidth) = pair(output, 1)
    kernel = pair(unfolding.kernel, 1)
    stride = pair(unfolding.strides, 1)
    dilation = pair(unfolding.dilations, 1)
    padding = pair(before, 0)
  }

  /// True if every column entry of X is the input itself: a 1 x 1 kernel that skips nothing.
  var isIdentity: Bool {
    kernel == (1, 1) && stride == (1, 1) && padding == (0, 0) && outputHeight == height && outputWidth == width
  }

  /// Writes the columns of images of one group: X, (channels of the group * kernel size) x (images * positions).
  ///
  /// - Parameters:
  ///   - input: the images, channels x height x width each, at a distance of `imageStride` elements.
  ///   - channelCount: channels of the group; `input` starts at the group's first channel.
  ///   - x: row-major; row (channel, kernel row, kernel column) holds the positions of image 0, then of image 1, ...
  func unfold(
    _ input: UnsafePointer<Float>, images: Int, imageStride: Int, channelCount: Int,
    into x: UnsafeMutablePointer<Float>
  ) {
    let rowLength = images * positions
    var row = x
    for channel in 0..<channelCount {
      for kernelRow in 0..<kernel.0 {
        for kernelColumn in 0..<kernel.1 {
          for image in 0..<images {
            unfoldPlane(
              input + image * imageStride + channel * height * width, kernelRow, kernelColumn,
              into: row + image * positions)
          }
          row += rowLength
        }
      }
    }
  }

  /// The input element that each output position reads for one place in the kernel; zero in the padding.
  private func unfoldPlane(
    _ plane: UnsafePointer<Float>, _ kernelRow: Int, _ kernelColumn: Int, into out: UnsafeMutablePointer<Float>
  ) {
    if isIdentity { return out.update(from: plane, count: positions) }
    let firstColumn = kernelColumn * dilation.1 - padding.1
    // Output columns whose input column lies inside the plane: 0 <= firstColumn + o * stride < width.
    let begin = min(outputWidth, max(0, (-firstColumn + stride.1 - 1) / stride.1))
    let end = max(begin, min(outputWidth, firstColumn >= width ? 0 : (width - 1 - firstColumn) / stride.1 + 1))
    for outputRow in 0..<outputHeight {
      let line = out + outputRow * outputWidth
      let inputRow = outputRow * stride.0 + kernelRow * dilation.0 - padding.0
      guard inputRow >= 0, inputRow < height else {
        line.update(repeating: 0, count: outputWidth)
        continue
      }
      line.update(repeating: 0, count: begin)
      let source = plane + inputRow * width + firstColumn
      if stride.1 == 1 {
        (line + begin).update(from: source + begin, count: end - begin)
      } else {
        for column in begin..<end { line[column] = source[column * stride.1] }
      }
      (line + end).update(repeating: 0, count: outputWidth - end)
    }
  }
}
