import Graphs
import Testing

@testable import Calibration

/// One convolution to compare with plain loops.
struct ConvolutionCase: Sendable, CustomTestStringConvertible {
  var input: [Int]
  var weight: [Int]
  var strides = [1, 1]
  var dilations = [1, 1]
  var pads = [0, 0, 0, 0]
  var groups = 1
  var bias = true

  var testDescription: String {
    "\(input) * \(weight), strides \(strides), dilations \(dilations), pads \(pads), groups \(groups)"
  }
}

@Suite("Convolution")
struct ComputeConvolutionTests {
  @Test(
    "every variant agrees with plain loops in float64",
    arguments: [
      ConvolutionCase(input: [2, 3, 9, 8], weight: [5, 3, 3, 3]),
      ConvolutionCase(
        input: [1, 3, 11, 12], weight: [16, 3, 7, 7], strides: [2, 2], pads: [3, 3, 3, 3], bias: false),
      ConvolutionCase(input: [2, 32, 10, 10], weight: [48, 32, 3, 3], pads: [1, 1, 1, 1]),
      ConvolutionCase(input: [1, 16, 9, 7], weight: [16, 16, 3, 2], strides: [2, 1], pads: [0, 1, 2, 0]),
      ConvolutionCase(input: [2, 6, 8, 8], weight: [9, 2, 3, 3], pads: [1, 1, 1, 1], groups: 3),
      ConvolutionCase(input: [1, 16, 8, 9], weight: [16, 1, 3, 3], strides: [2, 2], pads: [1, 1, 1, 1], groups: 16),
      ConvolutionCase(input: [1, 5, 8, 9], weight: [10, 1, 5, 5], pads: [2, 2, 2, 2], groups: 5, bias: false),
      ConvolutionCase(input: [1, 8, 12, 12], weight: [8, 8, 3, 3], dilations: [2, 3], pads: [2, 3, 2, 3]),
      ConvolutionCase(input: [3, 7, 6, 5], weight: [11, 7, 1, 1]),
      ConvolutionCase(input: [3, 7, 6, 5], weight: [11, 7, 1, 1], bias: false),
      ConvolutionCase(input: [2, 16, 7, 7], weight: [32, 16, 1, 1], strides: [2, 2]),
      ConvolutionCase(input: [2, 6, 4, 4], weight: [4, 3, 1, 1], groups: 2),
      ConvolutionCase(input: [1, 4, 3, 3], weight: [4, 4, 1, 1], pads: [1, 1, 0, 0]),
    ])
  func agrees(_ test: ConvolutionCase) throws {
    let x = ComputeReference.tensor(test.input, seed: 1)
    let w = ComputeReference.tensor(test.weight, seed: 2)
    let b = test.bias ? ComputeReference.values(test.weight[0], seed: 3) : nil
    let expected = ComputeReference.convolution(
      x, w, b, strides: test.strides, dilations: test.dilations, pads: test.pads, groups: test.groups)
    let y = try ComputeReference.run(
      .conv, [x, w, b.map { Tensor($0, shape: [$0.count]) }],
      [
        "strides": .ints(test.strides), "dilations": .ints(test.dilations), "pads": .ints(test.pads),
        "group": .int(test.groups), "kernel_shape": .ints(Array(test.weight[2...])),
      ])
    #expect(y[0].shape == expected.shape)
    // A sum of n products of numbers below 1, in float32: n * 2^-24 per unit of the sum of magnitudes (below n).
    let terms = Double(test.weight[1...].reduce(1, *) + 1)
    #expect(ComputeReference.difference(y[0].array(), expected.values) <= terms * terms * 0x1p-24)
  }

  @Test("one spatial dimension is a picture of height 1")
  func oneDimension() throws {
    let x = ComputeReference.tensor([2, 4, 13], seed: 4)
    let w = ComputeReference.tensor([6, 2, 3], seed: 5)
    let y = try ComputeReference.run(
      .conv, [x, w],
      ["strides": .ints([2]), "pads": .ints([2, 1]), "dilations": .ints([2]), "group": .int(2)])
    let expected = ComputeReference.convolution(
      x.reshaped([2, 4, 1, 13]), w.reshaped([6, 2, 1, 3]), nil, strides: [1, 2], dilations: [1, 2],
      pads: [0, 2, 0, 1], groups: 2)
    #expect(y[0].shape == [2, 6, 6])
    #expect(ComputeReference.difference(y[0].array(), expected.values) <= 49 * 0x1p-24)
  }

  @Test(
    "auto_pad puts the odd zero behind for SAME_UPPER and before for SAME_LOWER",
    arguments: [("SAME_UPPER", [0, 0, 1, 1]), ("SAME_LOWER", [1, 1, 0, 0]), ("VALID", [0, 0, 0, 0])])
  func autoPad(_ mode: String, _ pads: [Int]) throws {
    let x = ComputeReference.tensor([1, 3, 6, 6], seed: 6)
    let w = ComputeReference.tensor([4, 3, 3, 3], seed: 7)
    let strides: [String: Attribute] = ["strides": .ints([2, 2])]
    let automatic = try ComputeReference.run(.conv, [x, w], strides.merging(["auto_pad": .string(mode)]) { $1 })
    let explicit = try ComputeReference.run(.conv, [x, w], strides.merging(["pads": .ints(pads)]) { $1 })
    #expect(automatic[0].shape == explicit[0].shape)
    #expect(automatic[0].array(of: Float.self) == explicit[0].array(of: Float.self))
  }

  @Test("an empty batch gives an empty result")
  func empty() throws {
    let y = try ComputeReference.run(
      .conv, [Tensor([Float](), shape: [0, 3, 5, 5]), ComputeReference.tensor([2, 3, 3, 3], seed: 8)])
    #expect(y[0].shape == [0, 2, 3, 3])
  }

  @Test("another weight at the same node is packed anew, and the first one again")
  func replacedWeight() throws {
    let node = Node(name: "c", kind: .conv, inputs: [], outputs: [])
    let kernel = try OperatorLibrary.kernel(for: node)
    let x = ComputeReference.tensor([1, 16, 6, 6], seed: 9)
    var results: [[Float]] = []
    for seed: UInt64 in [10, 11, 10, 12, 13, 14, 15, 16, 10] {
      let w = ComputeReference.tensor([16, 16, 3, 3], seed: seed)
      let y = try kernel.run([x, w])[0].array(of: Float.self)
      let expected = ComputeReference.convolution(
        x, w, nil, strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], groups: 1)
      #expect(ComputeReference.difference(y, expected.values) <= 144 * 144 * 0x1p-24)
      results.append(y)
    }
    #expect(results[0] == results[2])
    #expect(results[0] == results[8])
    #expect(results[0] != results[1])
  }

  @Test("three spatial dimensions, negative pads and other types are refused by name")
  func refused() throws {
    #expect(throws: OperatorError.unsupported("3 spatial dimensions (kernel_shape [1, 1, 1]); 1 to 2 are")) {
      try ComputeReference.run(.conv, [], ["kernel_shape": .ints([1, 1, 1])])
    }
    #expect(throws: OperatorError.unsupported("negative pads [-1, 0, 0, 0]")) {
      try ComputeReference.run(.conv, [], ["pads": .ints([-1, 0, 0, 0])])
    }
    #expect(throws: OperatorError.unsupported("input X of type float64; it must be float32")) {
      try ComputeReference.run(
        .conv, [Tensor([1.0], shape: [1, 1, 1, 1]), ComputeReference.tensor([1, 1, 1, 1], seed: 1)])
    }
    #expect(throws: OperatorError.invalid("2 channels in 1 groups do not fit a weight of [1, 3, 1, 1]")) {
      try ComputeReference.run(
        .conv, [ComputeReference.tensor([1, 2, 4, 4], seed: 1), ComputeReference.tensor([1, 3, 1, 1], seed: 1)])
    }
  }
}
