internal import CDNNL

/// A function of one number, computed for each element of an array.
public enum DNNFunction: Hashable, Sendable {
  /// 1 / (1 + exp(-x)).
  case logistic
  /// The hyperbolic tangent.
  case tanh
  /// e to the power x.
  case exponential
  /// x times the normal distribution function at x.
  case gelu
  /// The approximation of `gelu` by a hyperbolic tangent.
  case geluTanh
  /// x / (1 + exp(-alpha x)).
  case swish(alpha: Float)
}

/// A function applied to arrays of one length, vectorized by oneDNN for the CPU at hand.
///
/// Relative error of a few float32 units in the last place. Any number of threads may run one object at a time.
public final class DNNElementwise: Sendable {
  /// Elements of the array.
  public let count: Int
  private let primitive: DNNPrimitive
  private let layout: DNNLayout

  /// Plans `function` for `count` elements, at least one.
  public init(_ function: DNNFunction, count: Int) throws(DNNError) {
    precondition(count > 0, "no elements")
    self.count = count
    layout = try DNNLayout([count], dnnl_a)
    let algorithm =
      switch function {
      case .logistic: dnnl_eltwise_logistic
      case .tanh: dnnl_eltwise_tanh
      case .exponential: dnnl_eltwise_exp
      case .gelu: dnnl_eltwise_gelu_erf
      case .geluTanh: dnnl_eltwise_gelu_tanh
      case .swish: dnnl_eltwise_swish
      }
    let alpha: Float = if case .swish(let alpha) = function { alpha } else { 0 }
    var operation = dnnl_eltwise_desc_t()
    let status = withUnsafePointer(to: layout.descriptor) {
      dnnl_eltwise_forward_desc_init(&operation, dnnl_forward_inference, algorithm, $0, alpha, 0)
    }
    try checkDNN("dnnl_eltwise_forward_desc_init", status)
    primitive = try DNNPrimitive("eltwise", operation)
  }

  /// Writes the function of each element of `source` to `destination`, which may be the same memory.
  public func run(
    _ source: UnsafeBufferPointer<Float>, into destination: UnsafeMutableBufferPointer<Float>
  ) throws(DNNError) {
    precondition(source.count == count && destination.count == count, "\(source.count) elements for \(count)")
    let input = try DNNMemory(layout, source.baseAddress!)
    let output = try DNNMemory(layout, destination.baseAddress!)
    try primitive.execute(from: input, to: output)
  }
}
