import Graphs

/// DequantizeLinear: (x - zero point) * scale, per tensor, per index of an axis, or per block along an axis.
///
/// x is int8, uint8, int16, uint16 or int32; the result has the type of the scale.
struct DequantizeLinearKernel: OperatorKernel {
  private let axis: Int
  private let blockSize: Int

  init(_ node: Node) throws(OperatorError) {
    axis = node.int("axis", default: 1)
    blockSize = node.int("block_size", default: 0)
    guard blockSize >= 0 else { throw .invalid("block_size is \(blockSize)") }
  }

  func infer(_ inputs: [InputFacts?]) throws(OperatorError) -> [TensorType] {
    let (x, scale) = (try inputs.required(0, named: "x"), try inputs.required(1, named: "x_scale"))
    switch x.elementType {
    case .int8, .uint8, .int16, .uint16, .int32: break
    default: throw .unsupported("DequantizeLinear of \(x.elementType)")
    }
    guard scale.elementType.isFloatingPoint, scale.elementType != .float64 else {
      throw .invalid("the scale is \(scale.elementType), not a floating-point number of 16 or 32 bits")
    }
    _ = try walk(x: x.shape, scale: scale.shape)
    if let zeroPoint = inputs.optional(2) {
      guard zeroPoint.elementType == x.elementType else {
        throw .invalid("the zero point is \(zeroPoint.elementType), x is \(x.elementType)")
      }
      guard zeroPoint.shape.reduce(1, *) == scale.shape.reduce(1, *) else {
        throw .invalid("the zero point has shape \(zeroPoint.shape), the scale \(scale.shape)")
      }
    }
    return [TensorType(scale.elementType, x.shape)]
  }

  func run(_ inputs: [Tensor?]) throws(OperatorError) -> [Tensor] {
    let (x, scale) = (inputs.required(0), inputs.required(1))
    let walk = try walk(x: x.shape, scale: scale.shape)
    return [dequantize(walk, x, scale, inputs.optional(2))]
  }

  /// x as [outer, blocks, repeats, inner], scales as [1 or outer, blocks, 1, 1 or inner].
  private struct Walk {
    var (outer, length, inner) = (1, 1, 1)
    /// Consecutive indices of the axis that share a scale.
    var block = 1
    /// Steps between the scales of consecutive outer indices, blocks and inner indices.
    var (outerStep, blockStep, innerStep) = (0, 0, 0)
  }

  private func walk(x: [Int], scale: [Int]) throws(OperatorError) -> Walk {
    var walk = Walk()
    if blockSize == 0, scale.reduce(1, *) == 1, scale.count <= 1 {
      walk.inner = x.reduce(1, *)
      return walk
    }
    let axis = try normalizedAxis(axis, rank: x.count)
    walk.outer = x[..<axis].reduce(1, *)
    walk.length = x[axis]
    walk.inner = x[(axis + 1)...].reduce(1, *)
    if blockSize == 0 {
      guard scale == [x[axis]] else {
        throw .invalid("the scale has shape \(scale); axis \(axis) of x \(x) needs [\(x[axis])]")
      }
      walk.blockStep = 1
      return walk
    }
    var blocked = x
    blocked[axis] = x[axis] / blockSize + (x[axis] % blockSize == 0 ? 0 : 1)
    guard scale == blocked else {
      throw .invalid("the scale has shape \(scale); blocks of \(blockSize) along axis \(axis) of \(x) need \(blocked)")
    }
    walk.block = blockSize
    (walk.outerStep, walk.blockStep, walk.innerStep) = (blocked[axis] * walk.inner, walk.inner, 1)
    return walk
  }

  private func dequantize(_ walk: Walk, _ x: Tensor, _ scale: Tensor, _ zeroPoint: Tensor?) -> Tensor {
    // Differences are exact in 32-bit integers for all narrower types; int32 has no zero point but 0.
    let x = x.cast(to: .int32)
    let zeroPoints = zeroPoint?.cast(to: .int32).array(of: Int32.self) ?? [Int32](repeating: 0, count: scale.count)
    return Tensor(shape: x.shape, of: Float.self) { result in
      x.withElements(as: Int32.self) { x in
        scale.withElements(as: Float.self) { scales in
          zeroPoints.withUnsafeBufferPointer { zeroPoints in
            guard let out = result.baseAddress, let x = x.baseAddress else { return }
            for outer in 0..<walk.outer {
              for index in 0..<walk.length {
                let first = outer * walk.outerStep + index / walk.block * walk.blockStep
                let start = (outer * walk.length + index) * walk.inner
                let (out, x) = (out + start, x + start)
                if walk.innerStep == 0 {
                  let (scale, zeroPoint) = (scales[first], zeroPoints[first])
                  for i in 0..<walk.inner { out[i] = Float(x[i] &- zeroPoint) * scale }
                } else {
                  for i in 0..<walk.inner { out[i] = Float(x[i] &- zeroPoints[first + i]) * scales[first + i] }
                }
              }
            }
          }
        }
      }
    }
  }
}
