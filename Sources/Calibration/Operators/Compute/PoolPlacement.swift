import Graphs

/// The windows of a pooling over planes of height x width; one spatial dimension is a plane of height 1.
struct PoolPlacement {
  let input, kernel, strides, dilations, before, after, output: [Int]
  /// The output's spatial shape as the model counts dimensions.
  let spatialOutput: [Int]

  init(_ placement: Window.Placement) {
    func planar(_ values: [Int], _ missing: Int) -> [Int] { values.count == 2 ? values : [missing] + values }
    input = planar(placement.input, 1)
    kernel = planar(placement.kernel, 1)
    strides = planar(placement.strides, 1)
    dilations = planar(placement.dilations, 1)
    before = planar(placement.before, 0)
    after = planar(placement.after, 0)
    output = planar(placement.output, 1)
    spatialOutput = placement.output
  }

  /// The input positions along `axis` that the window at output position `position` reads.
  func taps(_ axis: Int, at position: Int) -> StrideTo<Int> {
    let start = position * strides[axis] - before[axis]
    let end = min(start + (kernel[axis] - 1) * dilations[axis] + 1, input[axis])
    let skipped = start < 0 ? (-start + dilations[axis] - 1) / dilations[axis] : 0
    return stride(
      from: start + skipped * dilations[axis], to: max(end, start + skipped * dilations[axis]), by: dilations[axis])
  }

  /// Combines the values under each window with `combine`, starting from `initial`.
  ///
  /// First down the columns, a row of the input at a time, then along the row: both loops run over neighbours in
  /// memory. kernel height + kernel width steps per output instead of their product.
  @inline(__always)
  func reduce(
    _ x: UnsafeBufferPointer<Float>, planes: Int, into y: UnsafeMutableBufferPointer<Float>, initial: Float,
    _ combine: (Float, Float) -> Float
  ) {
    let (height, width, stride) = (input[0], input[1], strides[1])
    let (outputRows, outputColumns) = (output[0], output[1])
    // For each tap the range of output columns that read a column of the input.
    let ranges = (0..<kernel[1]).map { tap -> Range<Int> in
      let shift = tap * dilations[1] - before[1]
      let first = shift < 0 ? (-shift + stride - 1) / stride : 0
      let end = width > shift ? min((width - shift - 1) / stride + 1, outputColumns) : 0
      return first..<max(first, end)
    }
    withUnsafeTemporaryAllocation(of: Float.self, capacity: max(width, 1)) { line in
      for plane in 0..<planes {
        for row in 0..<outputRows {
          line.update(repeating: initial)
          for r in taps(0, at: row) {
            let source = x.baseAddress! + (plane * height + r) * width
            for c in 0..<width { line[c] = combine(line[c], source[c]) }
          }
          let target = y.baseAddress! + (plane * outputRows + row) * outputColumns
          target.update(repeating: initial, count: outputColumns)
          for (tap, range) in ranges.enumerated() {
            let source = line.baseAddress! + (tap * dilations[1] - before[1])
            if stride == 1 {
              for c in range { target[c] = combine(target[c], source[c]) }
            } else {
              for c in range { target[c] = combine(target[c], source[c * stride]) }
            }
          }
        }
      }
    }
  }
}
