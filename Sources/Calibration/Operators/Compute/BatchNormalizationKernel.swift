import Graphs

/// BatchNormalization: a factor and an offset per channel from stored mean and variance.
///
/// In training mode mean and variance are those of the batch itself, and the stored ones, moved towards them, are the
/// second and third output. The batch is all samples of one run.
struct BatchNormalizationKernel: OperatorKernel {
  private let epsilon: Float
  private let isTraining: Bool
  private let momentum: Double

  init(_ node: Node) throws(OperatorError) {
    epsilon = node.float("epsilon", default: 1e-5)
    isTraining = node.int("training_mode", default: 0) != 0
    momentum = Double(node.float("momentum", default: 0.9))
    guard isTraining || !node.outputs.dropFirst().contains(where: { $0 != nil }) else {
      throw .invalid("running_mean and running_var exist in training mode only")
    }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let x = try ComputeChecks.float(inputs, 0, "X")
    guard !x.shape.isEmpty else { throw .invalid("a scalar has no channels") }
    let channels = x.shape.count > 1 ? x.shape[1] : 1
    for (index, name) in ["scale", "B", "input_mean", "input_var"].enumerated() {
      let facts = try ComputeChecks.float(inputs, index + 1, name)
      guard facts.shape == [channels] else { throw .invalid("\(name) of \(facts.shape) for \(channels) channels") }
    }
    guard isTraining else { return [TensorType(.float32, x.shape)] }
    guard !x.shape.contains(0) else { throw .invalid("an input of \(x.shape) has no mean to train with") }
    return [TensorType(.float32, x.shape)] + [TensorType](repeating: TensorType(.float32, [channels]), count: 2)
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let x = inputs[0]!
    let parameters = inputs[1...4].map { $0!.array(of: Float.self).map(Double.init) }
    let stored = Statistics(mean: parameters[2], variance: parameters[3])
    guard isTraining else { return [normalized(x, scale: parameters[0], offset: parameters[1], by: stored)] }
    let batch = Self.statistics(of: x, channels: parameters[0].count)
    let moved = zip([stored.mean, stored.variance], [batch.mean, batch.variance]).map { old, new in
      Tensor(zip(old, new).map { Float($0 * momentum + $1 * (1 - momentum)) }, shape: [old.count])
    }
    return [normalized(x, scale: parameters[0], offset: parameters[1], by: batch)] + moved
  }

  /// Mean and variance of each channel.
  private struct Statistics {
    var mean, variance: [Double]
  }

  /// scale (x - mean) / sqrt(variance + epsilon) + offset, channel by channel.
  private func normalized(_ x: Tensor, scale: [Double], offset: [Double], by statistics: Statistics) -> Tensor {
    // y = factor x + offset, both found in float64 and rounded once.
    let factors = scale.indices.map { scale[$0] / (statistics.variance[$0] + Double(epsilon)).squareRoot() }
    let offsets = scale.indices.map { Float(offset[$0] - statistics.mean[$0] * factors[$0]) }
    let size = x.shape.dropFirst(2).reduce(1, *)
    return Tensor(shape: x.shape) { (y: UnsafeMutableBufferPointer<Float>) in
      guard !y.isEmpty else { return }
      x.withElements { (x: UnsafeBufferPointer<Float>) in
        for plane in 0..<y.count / size {
          let (factor, offset) = (Float(factors[plane % scale.count]), offsets[plane % scale.count])
          let (source, target) = (x.baseAddress! + plane * size, y.baseAddress! + plane * size)
          for index in 0..<size { target[index] = factor * source[index] + offset }
        }
      }
    }
  }

  /// Mean and variance (divided by the count) of the batch, in float64 and in two passes.
  private static func statistics(of x: Tensor, channels: Int) -> Statistics {
    let size = x.shape.dropFirst(2).reduce(1, *)
    let count = Double(x.count / channels)
    return x.withElements { (x: UnsafeBufferPointer<Float>) in
      func sums(_ term: (_ value: Double, _ channel: Int) -> Double) -> [Double] {
        var sums = [Double](repeating: 0, count: channels)
        for plane in 0..<x.count / size {
          let channel = plane % channels
          for value in x[plane * size..<(plane + 1) * size] { sums[channel] += term(Double(value), channel) }
        }
        return sums.map { $0 / count }
      }
      let mean = sums { value, _ in value }
      let variance = sums { value, channel in (value - mean[channel]) * (value - mean[channel]) }
      return Statistics(mean: mean, variance: variance)
    }
  }
}
