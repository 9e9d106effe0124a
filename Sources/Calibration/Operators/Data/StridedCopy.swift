import Graphs

/// A copy of elements whose source offset is linear in the indices of the result: Transpose, Slice, Expand.
///
/// Element types do not matter, only their width. Dimensions that are walked in step are merged, so that what is
/// contiguous is copied by `memcpy`; two dimensions that are exchanged are copied in square tiles.
struct StridedCopy {
  private var dimensions: [(count: Int, step: Int)] = []
  private let start: Int
  private let shape: [Int]

  /// Plans the copy of elements at `start` + sum of index * step, where a step may be 0 or negative.
  init(shape: [Int], steps: [Int], start: Int = 0) {
    precondition(shape.count == steps.count, "\(shape.count) dimensions, \(steps.count) steps")
    (self.shape, self.start) = (shape, start)
    for (count, step) in zip(shape, steps) where count != 1 {
      if let outer = dimensions.last, outer.step == step * count {
        dimensions[dimensions.count - 1] = (outer.count * count, step)
      } else {
        dimensions.append((count, step))
      }
    }
    if dimensions.isEmpty { dimensions = [(1, 1)] }
  }

  /// The steps of a contiguous tensor: how far apart in memory neighbours along each dimension are.
  static func contiguousSteps(of shape: [Int]) -> [Int] {
    var steps = [Int](repeating: 1, count: shape.count)
    for axis in shape.indices.dropLast().reversed() { steps[axis] = steps[axis + 1] * shape[axis + 1] }
    return steps
  }

  /// The elements of `source` in the order of this copy, as a new tensor.
  func apply(to source: Tensor) -> Tensor {
    let width = source.elementType.byteCount
    let storage = TensorStorage(byteCount: shape.reduce(1, *) * width) { result in
      if result.isEmpty { return }
      source.withBytes { source in
        switch width {
        case 1: copy(source, to: result, as: UInt8.self)
        case 2: copy(source, to: result, as: UInt16.self)
        case 4: copy(source, to: result, as: UInt32.self)
        default: copy(source, to: result, as: UInt64.self)
        }
      }
    }
    return Tensor(elementType: source.elementType, shape: shape, storage: storage)
  }

  /// Elements of a tile along the source's contiguous dimension (several cache lines, so that they are prefetched) and
  /// along the result's. A tile fits the first-level cache at any width.
  private static let (tileRows, tileColumns) = (64, 16)

  private func copy<Bits: BitwiseCopyable>(
    _ source: UnsafeRawBufferPointer, to result: UnsafeMutableRawBufferPointer, as: Bits.Type
  ) {
    guard let source = source.assumingMemoryBound(to: Bits.self).baseAddress,
      let result = result.bindMemory(to: Bits.self).baseAddress
    else { return }
    let inner = dimensions[dimensions.count - 1]
    let tiled = inner.step.magnitude > 1 ? dimensions.dropLast().lastIndex { $0.step == 1 } : nil
    guard let tiled else {
      forEachOffset(skipping: nil) { from, to in
        let (source, result) = (source + from, result + to)
        switch inner.step {
        case 1: result.update(from: source, count: inner.count)
        case 0: result.update(repeating: source[0], count: inner.count)
        default: for i in 0..<inner.count { result[i] = source[i &* inner.step] }
        }
      }
      return
    }
    // Along `tiled` the source is contiguous, along `inner` the result: each is walked by whole cache lines.
    let rows = dimensions[tiled].count
    let rowStep = dimensions[(tiled + 1)...].reduce(1) { $0 * $1.count }
    withUnsafeTemporaryAllocation(of: Bits.self, capacity: Self.tileRows * Self.tileColumns) { buffer in
      guard let buffer = buffer.baseAddress else { return }
      forEachOffset(skipping: tiled) { from, to in
        for row in stride(from: 0, to: rows, by: Self.tileRows) {
          for column in stride(from: 0, to: inner.count, by: Self.tileColumns) {
            Self.exchange(
              source + (from + row + column * inner.step), step: inner.step, result + (to + row * rowStep + column),
              step: rowStep, rows: min(Self.tileRows, rows - row), columns: min(Self.tileColumns, inner.count - column),
              buffer)
          }
        }
      }
    }
  }

  /// Copies a tile whose columns are contiguous in the source and whose rows are in the result.
  ///
  /// It passes through a buffer, so that every cache line of either side is touched once: at steps that are powers of
  /// two all lines of a tile compete for the same few places in the cache.
  @inline(__always)
  private static func exchange<Bits: BitwiseCopyable>(
    _ source: UnsafePointer<Bits>, step: Int, _ result: UnsafeMutablePointer<Bits>, step resultStep: Int,
    rows: Int, columns: Int, _ buffer: UnsafeMutablePointer<Bits>
  ) {
    for column in 0..<columns {
      let line = source + column &* step
      for row in 0..<rows { buffer[row &* tileColumns &+ column] = line[row] }
    }
    for row in 0..<rows { (result + row &* resultStep).update(from: buffer + row &* tileColumns, count: columns) }
  }

  /// Calls `body` with source and result offset of every innermost run; dimension `skipped` is held at 0.
  @inline(__always)
  private func forEachOffset(skipping skipped: Int?, _ body: (_ source: Int, _ result: Int) -> Void) {
    var loops: [(count: Int, step: Int, stride: Int)] = []
    var stride = dimensions[dimensions.count - 1].count
    for index in dimensions.indices.dropLast().reversed() {
      let (count, step) = dimensions[index]
      if index != skipped { loops.append((count, step, stride)) }
      stride *= count
    }
    // `loops` starts with the innermost.
    var indices = [Int](repeating: 0, count: loops.count)
    var (source, result) = (start, 0)
    while true {
      body(source, result)
      var level = 0
      while level < loops.count {
        indices[level] += 1
        source += loops[level].step
        result += loops[level].stride
        if indices[level] < loops[level].count { break }
        source -= loops[level].step * loops[level].count
        result -= loops[level].stride * loops[level].count
        indices[level] = 0
        level += 1
      }
      if level == loops.count { return }
    }
  }
}
