import Graphs

/// The calibration inputs of one input group in one chunk: the columns of X, not yet cut out of the tensors.
///
/// A chunk is one tensor, or several where the model's batch is fixed; their columns follow each other.
public struct InputColumns: Sendable {
  let group: InputGroup
  let tensors: [Tensor]

  /// Takes what `group` reads; every tensor is float32.
  public init(group: InputGroup, tensors: [Tensor]) throws(HessianError) {
    for tensor in tensors {
      guard tensor.elementType == .float32 else { throw .notFloat(type: tensor.elementType) }
      let width = group.unfolding == nil ? tensor.shape.last ?? 1 : tensor.shape.count > 1 ? tensor.shape[1] : 0
      let expected =
        group.unfolding.map { group.columns / $0.kernel.reduce(1, *) * $0.groups } ?? group.columns
      guard width == expected else { throw .wrongWidth(shape: tensor.shape, expected: expected) }
    }
    (self.group, self.tensors) = (group, tensors)
  }

  /// The columns of `self` minus those of `other`, of the same samples, in float32.
  public func differences(from other: InputColumns) -> InputColumns {
    precondition(tensors.count == other.tensors.count, "\(tensors.count) and \(other.tensors.count) batches")
    return InputColumns(
      group: group,
      differences: zip(tensors, other.tensors).map { left, right in
        precondition(left.shape == right.shape, "inputs of shape \(left.shape) and \(right.shape)")
        return left.withElements(as: Float.self) { left in
          right.withElements(as: Float.self) { right in
            let values = [Float](unsafeUninitializedCapacity: left.count) { values, count in
              for index in left.indices { values[index] = left[index] - right[index] }
              count = left.count
            }
            return values
          }
        }
      }, shapes: tensors.map(\.shape))
  }

  private init(group: InputGroup, differences: [[Float]], shapes: [[Int]]) {
    (self.group, tensors) = (group, zip(differences, shapes).map { Tensor($0, shape: $1) })
  }

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
  public func largestSumOfSquares() throws(HessianError) -> Double {
    var largest = 0.0
    var samplesBefore = 0
    for tensor in tensors {
      let sums = tensor.withElements(as: Float.self) { elements in
        group.unfolding == nil
          ? Self.sumsOfSquares(elements, inner: 1, channels: group.columns)
          : Self.sumsOfSquares(elements, inner: tensor.shape.dropFirst(2).reduce(1, *), channels: tensor.shape[1])
      }
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
    let index = tensor.withElements(as: Float.self) { $0.firstIndex { !$0.isFinite } } ?? 0
    return index / max(1, tensor.shape.dropFirst().reduce(1, *))
  }

  /// Sums of squares per channel of a tensor of (outer, channels, inner), in float64.
  private static func sumsOfSquares(_ elements: UnsafeBufferPointer<Float>, inner: Int, channels: Int) -> [Double] {
    var sums = [Double](repeating: 0, count: channels)
    guard channels > 0, inner > 0 else { return sums }
    let outer = elements.count / (channels * inner)
    sums.withUnsafeMutableBufferPointer { sums in
      for block in 0..<outer {
        if inner == 1 {
          let row = UnsafeBufferPointer(rebasing: elements[block * channels..<(block + 1) * channels])
          for channel in 0..<channels { sums[channel] += Double(row[channel]) * Double(row[channel]) }
          continue
        }
        for channel in 0..<channels {
          let start = (block * channels + channel) * inner
          sums[channel] += WideSums.squares(UnsafeBufferPointer(rebasing: elements[start..<start + inner]))
        }
      }
    }
    return sums
  }
}
