import Graphs

/// Why calibration inputs cannot be added up; the caller adds the layer and the samples.
public enum HessianError: Error, Equatable, CustomStringConvertible {
  /// An element of this input channel is NaN or infinite, in this sample of the chunk.
  case notFinite(channel: Int, sample: Int)
  /// The squares of this channel's elements add up to more than float32 can hold.
  case tooLarge(channel: Int, sum: Double)
  /// A library's product failed, as it says.
  case failed(String)
  /// The layer's input is not float32.
  case notFloat(type: ElementType)
  /// The input has another number of channels than the weight.
  case wrongWidth(shape: [Int], expected: Int)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .notFinite(let channel, _):
      "channel \(channel) of the input is NaN or infinite; check the samples and the model"
    case .tooLarge(let channel, let sum):
      "the squares of channel \(channel) of the input add up to \(sum), too large for float32; check the samples' scale"
    case .failed(let reason): "the product of its inputs failed: \(reason)"
    case .notFloat(let type): "the input is \(type), not float32"
    case .wrongWidth(let shape, let expected):
      "the input has shape \(shape) where the weight needs \(expected) channels"
    }
  }
}
