import Graphs
import LinearAlgebra

/// Sums of a layer's output by channel, in float64 and in a fixed order.
public struct ChannelSums: Sendable {
  /// The sum of each channel.
  public private(set) var sums: [Double]
  /// The sum of each channel's squares.
  public private(set) var squares: [Double]

  /// Adds up a float32 tensor.
  ///
  /// - Parameter channelsFirst: whether the channels are axis 1 (convolutions), or the last axis.
  public init(_ tensor: Tensor, channels: Int, channelsFirst: Bool, workers: Workers = .alone) {
    guard channelsFirst else {
      sums = ColumnSums.sums(tensor, columns: channels, workers)
      squares = ColumnSums.squares(tensor, columns: channels, workers)
      return
    }
    let inner = tensor.shape.dropFirst(2).reduce(1, *)
    sums = [Double](repeating: 0, count: channels)
    squares = sums
    guard channels > 0, inner > 0 else { return }
    let images = tensor.count / (channels * inner)
    tensor.withElements(as: Float.self) { elements in
      sums.withUnsafeMutableBufferPointer { sums in
        squares.withUnsafeMutableBufferPointer { squares in
          nonisolated(unsafe) let (elements, sums, squares) = (elements, sums, squares)
          workers.forEachRange(channels, size: Pieces.rows(images * inner)) { part in
            for image in 0..<images {
              for channel in part {
                let start = (image * channels + channel) * inner
                let line = UnsafeBufferPointer(rebasing: elements[start..<start + inner])
                sums[channel] += WideSums.sum(line)
                squares[channel] += WideSums.squares(line)
              }
            }
          }
        }
      }
    }
  }
}
