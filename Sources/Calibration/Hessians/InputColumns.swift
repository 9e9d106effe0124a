import Graphs
import LinearAlgebra

/// The calibration inputs of one input group in one chunk: the columns of X, not yet cut out of the tensors.
///
/// A chunk is one tensor, or several where the model's batch is fixed; their columns follow each other.
public struct InputColumns: Sendable {
  let group: InputGroup
  let tensors: [Tensor]

  /// Takes what `group` reads; every tensor is float32, or for matrix products bfloat16.
  public init(group: InputGroup, tensors: [Tensor]) throws(HessianError) {
    for tensor in tensors {
      guard tensor.elementType == .float32 || (tensor.elementType == .bfloat16 && group.unfolding == nil) else {
        throw .notFloat(type: tensor.elementType)
      }
      let width = group.unfolding == nil ? tensor.shape.last ?? 1 : tensor.shape.count > 1 ? tensor.shape[1] : 0
      let expected =
        group.unfolding.map { group.columns / $0.kernel.reduce(1, *) * $0.groups } ?? group.columns
      guard width == expected else { throw .wrongWidth(shape: tensor.shape, expected: expected) }
    }
    (self.group, self.tensors) = (group, tensors)
  }

  /// The columns of `self` minus those of `other`, of the same samples, in float32; rounded to bfloat16 if both are.
  public func differences(from other: InputColumns, workers: Workers = .alone) -> InputColumns {
    checkSamples(other)
    return InputColumns(
      group: group,
      differences: zip(tensors, other.tensors).map { left, right in
        precondition(left.shape == right.shape, "inputs of shape \(left.shape) and \(right.shape)")
        if left.elementType == .bfloat16 { return left.bfloat16Difference(from: right, workers) }
        return Tensor(shape: left.shape) { (target: UnsafeMutableBufferPointer<Float>) in
          left.withElements { (left: UnsafeBufferPointer<Float>) in
            right.withElements { (right: UnsafeBufferPointer<Float>) in
              nonisolated(unsafe) let (left, right, target) = (left, right, target)
              workers.forEachRange(left.count, size: Pieces.elements) { range in
                for index in range { target[index] = left[index] - right[index] }
              }
            }
          }
        }
      })
  }

  private func checkSamples(_ other: InputColumns) {
    precondition(tensors.count == other.tensors.count, "\(tensors.count) and \(other.tensors.count) batches")
  }

  private init(group: InputGroup, differences: [Tensor]) { (self.group, tensors) = (group, differences) }

  /// Number of columns of X (positions of all samples).
  public var count: Int {
    tensors.reduce(0) { sum, tensor in
      guard let unfolding = group.unfolding else { return sum + tensor.count / max(group.columns, 1) }
      return sum + tensor.shape[0] * SpatialGeometry(unfolding, shape: tensor.shape).positions
    }
  }

  /// An upper bound of the largest diagonal element of X Xᵀ: the largest sum of squares of one channel.
  ///
  /// Each entry of X is an element of its channel (or padding), and one row of X reads an element at most once.
  /// Throws if an element is NaN or infinite, or so large that float32 sums would overflow.
  public func largestSumOfSquares(workers: Workers = .alone) throws(HessianError) -> Double {
    try largest { tensor, _ in
      if group.unfolding == nil { return ColumnSums.squares(tensor, columns: group.columns, workers) }
      return tensor.withElements(as: Float.self) { elements in
        Self.sumsOfSquares(elements, inner: tensor.shape.dropFirst(2).reduce(1, *), channels: tensor.shape[1], workers)
      }
    }
  }

  /// `largestSumOfSquares` of `differences(from: other)`, without making them where columns are not unfolded.
  public func largestSumOfSquares(
    ofDifferencesFrom other: InputColumns, workers: Workers = .alone
  ) throws(HessianError) -> Double {
    guard group.unfolding == nil else {
      return try differences(from: other, workers: workers).largestSumOfSquares(workers: workers)
    }
    checkSamples(other)
    return try largest { ColumnSums.squares($0, minus: other.tensors[$1], columns: group.columns, workers) }
  }

  /// The largest of the sums that `sums` makes of each tensor (and its index), by channel, times the number of tensors.
  private func largest(_ sums: (Tensor, Int) -> [Double]) throws(HessianError) -> Double {
    var largest = 0.0
    var samplesBefore = 0
    for (index, tensor) in tensors.enumerated() {
      let sums = sums(tensor, index)
      for (channel, sum) in sums.enumerated() {
        guard sum.isFinite else {
          throw .notFinite(channel: channel, sample: samplesBefore + Self.firstSampleNotFinite(tensor))
        }
        guard sum < Double(Float.greatestFiniteMagnitude) / 16 else { throw .tooLarge(channel: channel, sum: sum) }
        largest = max(largest, sum)
      }
      samplesBefore += tensor.shape.first ?? 1
    }
    return largest * Double(tensors.count)
  }

  private static func firstSampleNotFinite(_ tensor: Tensor) -> Int {
    let index = tensor.widened.withElements(as: Float.self) { $0.firstIndex { !$0.isFinite } } ?? 0
    return index / max(1, tensor.shape.dropFirst().reduce(1, *))
  }

  /// Sums of squares per channel of a tensor of (outer, channels, inner), in float64.
  private static func sumsOfSquares(
    _ elements: UnsafeBufferPointer<Float>, inner: Int, channels: Int, _ workers: Workers
  ) -> [Double] {
    var sums = [Double](repeating: 0, count: channels)
    guard channels > 0, inner > 0 else { return sums }
    let outer = elements.count / (channels * inner)
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let (elements, sums) = (elements, sums)
      workers.forEachRange(channels, size: Pieces.rows(outer * inner)) { part in
        for block in 0..<outer {
          for channel in part {
            let start = (block * channels + channel) * inner
            sums[channel] += WideSums.squares(UnsafeBufferPointer(rebasing: elements[start..<start + inner]))
          }
        }
      }
    }
    return sums
  }
}
