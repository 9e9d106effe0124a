import Graphs

/// Sums of a layer's output by channel, in float64 and in a fixed order.
public struct ChannelSums: Sendable {
  /// The sum of each channel.
  public private(set) var sums: [Double]
  /// The sum of each channel's squares.
  public private(set) var squares: [Double]

  /// Adds up a float32 tensor.
  ///
  /// - Parameter channelsFirst: whether the channels are axis 1 (convolutions), or the last axis.
  public init(_ tensor: Tensor, channels: Int, channelsFirst: Bool) {
    guard channelsFirst else {
      sums = ColumnSums.sums(tensor, columns: channels)
      squares = ColumnSums.squares(tensor, columns: channels)
      return
    }
    let inner = tensor.shape.dropFirst(2).reduce(1, *)
    sums = [Double](repeating: 0, count: channels)
    squares = sums
    guard channels > 0, inner > 0 else { return }
    tensor.withElements(as: Float.self) { elements in
      for (block, start) in stride(from: 0, to: elements.count, by: inner).enumerated() {
        let line = UnsafeBufferPointer(rebasing: elements[start..<start + inner])
        sums[block % channels] += WideSums.sum(line)
        squares[block % channels] += WideSums.squares(line)
      }
    }
  }
}
