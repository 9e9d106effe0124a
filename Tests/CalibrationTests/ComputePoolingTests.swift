import Graphs
import Testing

@testable import Calibration

@Suite("Pooling")
struct ComputePoolingTests {
  /// The values 0 ..< 16 as one 4 x 4 plane.
  private static let plane = Tensor((0..<16).map(Float.init), shape: [1, 1, 4, 4])

  @Test("MaxPool takes the largest value under each window; pads never win, not even against negative values")
  func maxPool() throws {
    let y = try ComputeReference.run(
      .maxPool, [Self.plane], ["kernel_shape": .ints([2, 2]), "strides": .ints([2, 2])])
    #expect(y.count == 1)
    #expect(y[0].array(of: Float.self) == [5, 7, 13, 15])
    let negative = Tensor((0..<4).map { -Float($0) - 1 }, shape: [1, 1, 2, 2])
    let padded = try ComputeReference.run(
      .maxPool, [negative], ["kernel_shape": .ints([3, 3]), "pads": .ints([1, 1, 1, 1])])
    #expect(padded[0].array(of: Float.self) == [-1, -1, -1, -1])
    let dilated = try ComputeReference.run(
      .maxPool, [Self.plane], ["kernel_shape": .ints([2, 2]), "dilations": .ints([2, 2])])
    #expect(dilated[0].array(of: Float.self) == [10, 11, 14, 15])
  }

  @Test("ceil_mode keeps a last window that only partly fits, but none that starts behind the input")
  func ceilMode() throws {
    func size(_ input: Int, _ kernel: Int, _ stride: Int, _ pads: [Int]) throws -> [Int] {
      try ComputeReference.run(
        .maxPool, [ComputeReference.tensor([1, 1, input], seed: 1)],
        ["kernel_shape": .ints([kernel]), "strides": .ints([stride]), "pads": .ints(pads), "ceil_mode": .int(1)]
      )[0].shape
    }
    #expect(try size(4, 3, 2, [0, 0]) == [1, 1, 2])
    #expect(try size(5, 3, 2, [0, 0]) == [1, 1, 2])
    // A third window would start at 4, the first zero behind an input of 4.
    #expect(try size(4, 1, 2, [0, 1]) == [1, 1, 2])
    let y = try ComputeReference.run(
      .maxPool, [Self.plane], ["kernel_shape": .ints([3, 3]), "strides": .ints([2, 2]), "ceil_mode": .int(1)])
    #expect(y[0].array(of: Float.self) == [10, 11, 14, 15])
  }

  @Test("Indices are positions in the whole input, row-major or column-major", arguments: [0, 1])
  func indices(_ order: Int) throws {
    let node = Node(
      name: "pool", kind: .maxPool, inputs: [0], outputs: [1, 2],
      attributes: ["kernel_shape": .ints([2, 2]), "storage_order": .int(order)])
    let kernel = try OperatorLibrary.kernel(for: node)
    let x = Tensor([0, 5, 1, 2, 5, 3, 9, 9, 9, 8, 7, 6] as [Float], shape: [2, 1, 2, 3])
    let types = try kernel.infer([InputFacts(elementType: .float32, shape: x.shape)])
    #expect(types == [TensorType(.float32, [2, 1, 1, 2]), TensorType(.int64, [2, 1, 1, 2])])
    let y = try kernel.run([x])
    #expect(y[0].array(of: Float.self) == [5, 5, 9, 9])
    // Plane 0 is 0 5 1 / 2 5 3: both windows find the 5 of the first row first.
    #expect(y[1].array(of: Int64.self) == (order == 0 ? [1, 1, 6, 7] : [2, 2, 6, 8]))
  }

  @Test("AveragePool divides by the values under the window, or by its size with count_include_pad")
  func averagePool() throws {
    let attributes: [String: Attribute] = [
      "kernel_shape": .ints([3, 3]), "strides": .ints([3, 3]), "pads": .ints([1, 1, 1, 1]),
    ]
    let y = try ComputeReference.run(.averagePool, [Self.plane], attributes)
    #expect(y[0].array(of: Float.self) == [2.5, 4.5, 10.5, 12.5])
    let padded = try ComputeReference.run(
      .averagePool, [Self.plane], attributes.merging(["count_include_pad": .int(1)]) { $1 })
    #expect(padded[0].array(of: Float.self) == [10, 18, 42, 50].map { $0 / 9 as Float })
    // The last window reaches over the padded input: what lies behind it is not counted.
    let ceil = try ComputeReference.run(
      .averagePool, [Tensor([1, 2, 3, 4] as [Float], shape: [1, 1, 4])],
      [
        "kernel_shape": .ints([3]), "strides": .ints([2]), "pads": .ints([0, 1]), "ceil_mode": .int(1),
        "count_include_pad": .int(1),
      ])
    #expect(ceil[0].array(of: Float.self) == [2, 7 / 3])
  }

  @Test("pooling of any window agrees with plain loops", arguments: [false, true])
  func agrees(_ largest: Bool) throws {
    let x = ComputeReference.tensor([2, 3, 9, 11], seed: 2)
    let values = x.array(of: Float.self)
    for (kernel, strides, dilations, pads) in [
      ([3, 2], [2, 1], [1, 2], [1, 0, 2, 1]), ([5, 5], [1, 1], [1, 1], [2, 2, 2, 2]),
      ([1, 4], [3, 2], [1, 1], [0, 3, 0, 3]),
    ] {
      let y = try ComputeReference.run(
        largest ? .maxPool : .averagePool, [x],
        [
          "kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations), "pads": .ints(pads),
        ])[0]
      var expected: [Double] = []
      for plane in 0..<6 {
        for row in 0..<y.shape[2] {
          for column in 0..<y.shape[3] {
            var found: [Double] = []
            for p in 0..<kernel[0] {
              for q in 0..<kernel[1] {
                let r = row * strides[0] - pads[0] + p * dilations[0]
                let c = column * strides[1] - pads[1] + q * dilations[1]
                if (0..<9).contains(r) && (0..<11).contains(c) {
                  found.append(Double(values[(plane * 9 + r) * 11 + c]))
                }
              }
            }
            expected.append(largest ? found.max()! : found.reduce(0, +) / Double(found.count))
          }
        }
      }
      #expect(ComputeReference.difference(y.array(), expected) <= (largest ? 0 : 25 * 0x1p-24))
    }
  }

  @Test("pooling over three dimensions agrees with plain loops", arguments: [false, true])
  func volumes(_ largest: Bool) throws {
    let x = ComputeReference.tensor([1, 2, 5, 4, 6], seed: 4)
    let values = x.array(of: Float.self)
    let (kernel, strides, dilations, pads) = ([2, 3, 2], [2, 1, 2], [2, 1, 1], [1, 0, 1, 0, 1, 0])
    let node = Node(
      name: "pool", kind: largest ? .maxPool : .averagePool, inputs: [0], outputs: largest ? [1, 2] : [1],
      attributes: [
        "kernel_shape": .ints(kernel), "strides": .ints(strides), "dilations": .ints(dilations), "pads": .ints(pads),
      ])
    let outputs = try OperatorLibrary.kernel(for: node).run([x])
    #expect(outputs[0].shape == [1, 2, 2, 3, 3])
    var (expected, positions) = ([Double](), [Int64]())
    for window in 0..<36 {
      let at = [window / 9 % 2, window / 3 % 3, window % 3]
      var found: [(value: Double, position: Int)] = []
      for tap in 0..<12 {
        let taps = [tap / 6, tap / 2 % 3, tap % 2]
        let place = (0..<3).map { at[$0] * strides[$0] - pads[$0] + taps[$0] * dilations[$0] }
        guard zip(place, [5, 4, 6]).allSatisfy({ (0..<$1).contains($0) }) else { continue }
        let position = ((window / 18 * 5 + place[0]) * 4 + place[1]) * 6 + place[2]
        found.append((Double(values[position]), position))
      }
      let best = found.max { $0.value < $1.value }!
      positions.append(Int64(best.position))
      expected.append(largest ? best.value : found.reduce(0) { $0 + $1.value } / Double(found.count))
    }
    #expect(ComputeReference.difference(outputs[0].array(), expected) <= (largest ? 0 : 12 * 0x1p-24))
    if largest {
      #expect(outputs[1].array(of: Int64.self) == positions)
      let plain = try ComputeReference.run(.maxPool, [x], node.attributes)[0]
      #expect(plain.array(of: Float.self) == outputs[0].array(of: Float.self))
    }
  }

  @Test("MaxPool of bytes never takes a pad, and 16-bit numbers keep their type")
  func otherTypes() throws {
    let attributes: [String: Attribute] = ["kernel_shape": .ints([2]), "pads": .ints([1, 0])]
    let signed = try ComputeReference.run(.maxPool, [Tensor([-128, -3, 127] as [Int8], shape: [1, 1, 3])], attributes)
    #expect(signed[0].array(of: Int8.self) == [-128, -3, 127])
    let unsigned = try ComputeReference.run(.maxPool, [Tensor([0, 200, 7] as [UInt8], shape: [1, 1, 3])], attributes)
    #expect(unsigned[0].array(of: UInt8.self) == [0, 200, 200])
    let half = Tensor([-1, 0.5, 0.25] as [Float], shape: [1, 1, 3]).cast(to: .float16)
    let halves = try ComputeReference.run(.maxPool, [half], attributes)
    #expect(halves[0].elementType == .float16)
    #expect(halves[0].cast(to: .float32).array(of: Float.self) == [-1, 0.5, 0.5])
    #expect(throws: OperatorError.self) {
      try ComputeReference.run(.maxPool, [Tensor([1] as [Int64], shape: [1, 1, 1])], attributes)
    }
  }

  @Test("global pooling reduces all positions of a channel")
  func global() throws {
    let x = ComputeReference.tensor([2, 3, 5, 7], seed: 3)
    let values = x.array(of: Float.self).map(Double.init)
    let planes = (0..<6).map { values[$0 * 35..<($0 + 1) * 35] }
    let mean = try ComputeReference.run(.globalAveragePool, [x])[0]
    #expect(mean.shape == [2, 3, 1, 1])
    let means = planes.map { $0.reduce(0, +) / 35 }
    #expect(ComputeReference.difference(mean.array(), means) <= 8 * 0x1p-24)
    let largest = try ComputeReference.run(.globalMaxPool, [x])[0]
    let maxima = planes.map { $0.max()! }
    #expect(ComputeReference.difference(largest.array(), maxima) == 0)
  }
}
