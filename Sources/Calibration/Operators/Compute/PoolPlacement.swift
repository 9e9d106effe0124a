import Graphs

/// The windows of a pooling over volumes of depth x height x width; missing spatial dimensions are of size 1.
struct PoolPlacement {
  let input, kernel, strides, dilations, before, after, output: [Int]
  /// The output's spatial shape as the model counts dimensions.
  let spatialOutput: [Int]

  init(_ placement: Window.Placement) {
    func spatial(_ values: [Int], _ missing: Int) -> [Int] {
      [Int](repeating: missing, count: 3 - values.count) + values
    }
    input = spatial(placement.input, 1)
    kernel = spatial(placement.kernel, 1)
    strides = spatial(placement.strides, 1)
    dilations = spatial(placement.dilations, 1)
    before = spatial(placement.before, 0)
    after = spatial(placement.after, 0)
    output = spatial(placement.output, 1)
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

  /// For each tap along the width, the range of output columns for which it lies in the input.
  private var columnRanges: [Range<Int>] {
    (0..<kernel[2]).map { tap in
      let shift = tap * dilations[2] - before[2]
      let first = shift < 0 ? (-shift + strides[2] - 1) / strides[2] : 0
      let end = input[2] > shift ? min((input[2] - shift - 1) / strides[2] + 1, output[2]) : 0
      return first..<max(first, end)
    }
  }

  /// Combines the values under each window with `combine`, starting from `initial`.
  ///
  /// First down the columns, a row of the input at a time, then along the row: both loops run over neighbours in
  /// memory. kernel depth * kernel height + kernel width steps per output instead of their product.
  @inline(__always)
  func reduce<Element: BitwiseCopyable>(
    _ x: UnsafeBufferPointer<Element>, volumes: Int, into y: UnsafeMutableBufferPointer<Element>, initial: Element,
    _ combine: (Element, Element) -> Element
  ) {
    let (depth, height, width, stride) = (input[0], input[1], input[2], strides[2])
    let columns = output[2]
    let ranges = columnRanges
    var target = y.baseAddress!
    withUnsafeTemporaryAllocation(of: Element.self, capacity: max(width, 1)) { line in
      for volume in 0..<volumes {
        for slice in 0..<output[0] {
          for row in 0..<output[1] {
            line.update(repeating: initial)
            for d in taps(0, at: slice) {
              for r in taps(1, at: row) {
                let source = x.baseAddress! + ((volume * depth + d) * height + r) * width
                for c in 0..<width { line[c] = combine(line[c], source[c]) }
              }
            }
            target.update(repeating: initial, count: columns)
            for (tap, range) in ranges.enumerated() {
              let source = line.baseAddress! + (tap * dilations[2] - before[2])
              if stride == 1 {
                for c in range { target[c] = combine(target[c], source[c]) }
              } else {
                for c in range { target[c] = combine(target[c], source[c * stride]) }
              }
            }
            target += columns
          }
        }
      }
    }
  }
}
