import Graphs

/// What is done to samples before a model sees them.
///
/// uint8 samples for a float input are images: they are divided by 255. Then, if given, (x - mean) / deviation per
/// channel (axis 1), computed in float32.
public struct SampleNormalization: Sendable, Equatable {
  /// Mean per channel, or one for all; empty for none.
  public var mean: [Float]
  /// Standard deviation per channel, or one for all; empty for none.
  public var deviation: [Float]

  /// Makes a normalization; empty lists leave the samples as they are.
  public init(mean: [Float] = [], deviation: [Float] = []) { (self.mean, self.deviation) = (mean, deviation) }

  /// The samples as a model input of type `elementType` gets them.
  public func apply(_ tensor: Tensor, as elementType: ElementType) throws(CoordinationError) -> Tensor {
    if tensor.elementType == elementType, mean.isEmpty, deviation.isEmpty || elementType != .float32 { return tensor }
    guard elementType == .float32 else {
      throw .samplesDoNotFit(
        path: "samples", reason: "the samples are \(tensor.elementType), the model's input is \(elementType)")
    }
    let values: [Float]
    switch tensor.elementType {
    case .uint8: values = tensor.withElements(as: UInt8.self) { $0.map { Float($0) / 255 } }
    case .float32: values = tensor.array(of: Float.self)
    case .float64: values = tensor.withElements(as: Double.self) { $0.map { Float($0) } }
    default:
      throw .samplesDoNotFit(
        path: "samples", reason: "samples of type \(tensor.elementType) for a float32 input; store float32 or uint8")
    }
    return try scaled(values, shape: tensor.shape)
  }

  private func scaled(_ values: [Float], shape: [Int]) throws(CoordinationError) -> Tensor {
    if mean.isEmpty && deviation.isEmpty { return Tensor(values, shape: shape) }
    let channels = shape.count > 1 ? shape[1] : 1
    for (name, list) in [("--mean", mean), ("--std", deviation)] where ![0, 1, channels].contains(list.count) {
      throw .samplesDoNotFit(
        path: name, reason: "\(list.count) values for samples of \(channels) channels; give one, or one per channel")
    }
    let inner = max(1, shape.dropFirst(2).reduce(1, *))
    func value(_ list: [Float], _ channel: Int, _ missing: Float) -> Float {
      list.isEmpty ? missing : list[list.count == 1 ? 0 : channel]
    }
    let means = (0..<channels).map { value(mean, $0, 0) }
    let deviations = (0..<channels).map { value(deviation, $0, 1) }
    return Tensor(shape: shape, of: Float.self) { out in
      for index in values.indices {
        let channel = index / inner % channels
        out[index] = (values[index] - means[channel]) / deviations[channel]
      }
    }
  }
}
