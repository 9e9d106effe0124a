import Graphs

@testable import Calibration

/// Plain loops in float64 that the kernels are compared with.
enum ComputeReference {
  /// Numbers in -1 ..< 1 that are the same in every run.
  static func values(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 0x9E37_79B9_7F4A_7C15 &+ 0xD1B5_4A32_D192_ED03
    return (0..<count).map { _ in
      state ^= state << 13
      state ^= state >> 7
      state ^= state << 17
      return Float(Int64(state >> 40) - (1 << 23)) / Float(1 << 23)
    }
  }

  /// A tensor of such numbers.
  static func tensor(_ shape: [Int], seed: UInt64) -> Tensor {
    Tensor(values(shape.reduce(1, *), seed: seed), shape: shape)
  }

  /// A 2-D convolution over batch x channels x height x width, by definition.
  static func convolution(
    _ x: Tensor, _ w: Tensor, _ b: [Float]?, strides: [Int], dilations: [Int], pads: [Int], groups: Int
  ) -> (values: [Double], shape: [Int]) {
    let (source, weights) = (x.array(of: Float.self), w.array(of: Float.self))
    let (height, width, inputs) = (x.shape[2], x.shape[3], w.shape[1])
    let (kh, kw) = (w.shape[2], w.shape[3])
    let rows = (height + pads[0] + pads[2] - (kh - 1) * dilations[0] - 1) / strides[0] + 1
    let columns = (width + pads[1] + pads[3] - (kw - 1) * dilations[1] - 1) / strides[1] + 1
    var y: [Double] = []
    for n in 0..<x.shape[0] {
      for o in 0..<w.shape[0] {
        let first = o / (w.shape[0] / groups) * inputs
        for r in 0..<rows {
          for c in 0..<columns {
            var sum = Double(b?[o] ?? 0)
            for i in 0..<inputs {
              for p in 0..<kh {
                for q in 0..<kw {
                  let h = r * strides[0] - pads[0] + p * dilations[0]
                  let v = c * strides[1] - pads[1] + q * dilations[1]
                  guard (0..<height).contains(h), (0..<width).contains(v) else { continue }
                  let value = source[((n * x.shape[1] + first + i) * height + h) * width + v]
                  sum += Double(value) * Double(weights[((o * inputs + i) * kh + p) * kw + q])
                }
              }
            }
            y.append(sum)
          }
        }
      }
    }
    return (y, [x.shape[0], w.shape[0], rows, columns])
  }

  /// A product of two matrices.
  static func product(_ a: [Float], _ b: [Float], rows: Int, columns: Int, depth: Int) -> [Double] {
    (0..<rows * columns).map { index in
      (0..<depth).reduce(0.0) {
        $0 + Double(a[index / columns * depth + $1]) * Double(b[$1 * columns + index % columns])
      }
    }
  }

  /// The largest difference of two lists of one length; infinite if the lengths differ or a value is not a number.
  static func difference(_ left: [Float], _ right: [Double]) -> Double {
    guard left.count == right.count else { return .infinity }
    return zip(left, right).reduce(0.0) {
      let difference = abs(Double($1.0) - $1.1)
      return difference.isNaN ? .infinity : max($0, difference)
    }
  }

  /// What one node computes, its shape rule checked against it.
  static func run(
    _ kind: OperatorKind, _ inputs: [Tensor?], _ attributes: [String: Attribute] = [:]
  ) throws -> [Tensor] {
    let node = Node(name: "node", kind: kind, inputs: [], outputs: [], attributes: attributes)
    let kernel = try OperatorLibrary.kernel(for: node)
    let types = try kernel.infer(inputs.map { $0.map { InputFacts(elementType: $0.elementType, shape: $0.shape) } })
    let outputs = try kernel.run(inputs)
    precondition(types == outputs.map(\.type), "the shape rule says \(types), the outputs are \(outputs.map(\.type))")
    return outputs
  }
}
