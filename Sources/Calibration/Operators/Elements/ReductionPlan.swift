/// How a reduction over some axes walks its input once, in memory order.
///
/// Neighbouring dimensions that are both kept or both reduced are merged. A *run* is the innermost merged dimension:
/// contiguous in the input, and either reduced to one element or added element by element to a row of the result.
struct ReductionPlan {
  /// The shape of the result.
  let shape: [Int]
  /// Number of input elements that go into each element of the result.
  let reducedCount: Int
  /// Elements of a run.
  let runLength: Int
  /// Whether a run is reduced to one element; otherwise it is a row of the result.
  let reducesRuns: Bool
  private let loops: [(count: Int, step: Int)]
  private let inputCount: Int

  /// Plans the reduction of a tensor of `shape` over `axes` (counted from the front, distinct).
  init(shape input: [Int], axes: Set<Int>, keepsDimensions: Bool) {
    var dimensions: [(count: Int, isReduced: Bool)] = []
    for (axis, count) in input.enumerated() where count != 1 {
      let isReduced = axes.contains(axis)
      if dimensions.last?.isReduced == isReduced {
        dimensions[dimensions.count - 1].count *= count
      } else {
        dimensions.append((count, isReduced))
      }
    }
    shape =
      keepsDimensions
      ? input.indices.map { axes.contains($0) ? 1 : input[$0] }
      : input.indices.filter { !axes.contains($0) }.map { input[$0] }
    reducedCount = axes.reduce(1) { $0 * input[$1] }
    inputCount = input.reduce(1, *)
    runLength = dimensions.last?.count ?? 1
    reducesRuns = dimensions.last?.isReduced ?? true
    var loops: [(count: Int, step: Int)] = []
    var stride = reducesRuns ? 1 : runLength
    for dimension in dimensions.dropLast().reversed() {
      loops.append((dimension.count, dimension.isReduced ? 0 : stride))
      if !dimension.isReduced { stride *= dimension.count }
    }
    self.loops = loops.reversed()
  }

  /// Calls `body` for every run with its offset in the input and that of the first element of the result it goes to.
  @inline(__always)
  func forEachRun(_ body: (_ input: Int, _ result: Int) -> Void) {
    if inputCount == 0 { return }
    var indices = [Int](repeating: 0, count: loops.count)
    var (input, result) = (0, 0)
    while true {
      body(input, result)
      input += runLength
      if input >= inputCount { return }
      var level = loops.count - 1
      while true {
        indices[level] += 1
        result += loops[level].step
        if indices[level] < loops[level].count { break }
        result -= loops[level].step * loops[level].count
        indices[level] = 0
        level -= 1
      }
    }
  }
}
