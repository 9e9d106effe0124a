import Foundation
import Graphs
import Testing

@testable import Calibration

@Suite("Normalization, activations and transposed convolution")
struct ComputeFunctionTests {
  @Test("each activation agrees with its definition in float64")
  func activations() throws {
    let x = Tensor((-400...400).map { Float($0) / 40 }, shape: [801])
    let values = x.array(of: Float.self).map(Double.init)
    let gelu: (Double) -> Double = { $0 / 2 * (1 + erf($0 / 2.0.squareRoot())) }
    let cases: [(OperatorKind, [String: Attribute], (Double) -> Double)] = [
      (.relu, [:], { max($0, 0) }), (.leakyRelu, ["alpha": .float(0.25)], { $0 < 0 ? $0 / 4 : $0 }),
      (.sigmoid, [:], { 1 / (1 + exp(-$0)) }), (.tanh, [:], { tanh($0) }), (.erf, [:], { erf($0) }),
      (.hardSigmoid, ["alpha": .float(0.25), "beta": .float(0.5)], { min(max($0 / 4 + 0.5, 0), 1) }),
      (.hardSwish, [:], { $0 * min(max($0 / 6 + 0.5, 0), 1) }), (.gelu, [:], gelu),
      (
        .gelu, ["approximate": .string("tanh")],
        { $0 / 2 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }
      ),
    ]
    for (kind, attributes, function) in cases {
      let y = try ComputeReference.run(kind, [x], attributes)[0]
      // A few units in the last place of values up to 10.
      #expect(ComputeReference.difference(y.array(), values.map(function)) <= 10 * 0x1p-21, "\(kind) \(attributes)")
    }
    let positive = Tensor((1...400).map { Float($0) / 40 }, shape: [400])
    let inputs = positive.array(of: Float.self).map(Double.init)
    let logarithms = try ComputeReference.run(.log, [positive])[0]
    #expect(ComputeReference.difference(logarithms.array(), inputs.map { log($0) }) <= 4 * 0x1p-21)
    let roots = try ComputeReference.run(.sqrt, [positive])[0].array(of: Float.self)
    #expect(roots == positive.array(of: Float.self).map { $0.squareRoot() })
    let exponentials = try ComputeReference.run(.exp, [x])[0].array(of: Float.self)
    #expect(zip(exponentials, values).allSatisfy { abs(Double($0) / exp($1) - 1) <= 0x1p-20 })
  }

  @Test("loops keep NaN", arguments: [OperatorKind.relu, .leakyRelu, .hardSigmoid, .hardSwish, .sqrt, .erf])
  func keepsNaN(_ kind: OperatorKind) throws {
    let y = try ComputeReference.run(kind, [Tensor([Float](repeating: .nan, count: 20), shape: [20])])[0]
    #expect(y.array(of: Float.self).filter(\.isNaN).count == 20)
  }

  @Test("Softmax sums to 1 along its axis and bears large values", arguments: [0, 1, 2, -1])
  func softmax(_ axis: Int) throws {
    let x = Tensor(ComputeReference.values(120, seed: 1).map { $0 * 100 }, shape: [4, 5, 6])
    let values = x.array(of: Float.self).map(Double.init)
    let y = try ComputeReference.run(.softmax, [x], ["axis": .int(axis)])[0]
    let inner = [30, 6, 1][(axis + 3) % 3]
    let length = [4, 5, 6][(axis + 3) % 3]
    let expected = values.indices.map { index in
      let first = index - index / inner % length * inner
      return 1 / (0..<length).reduce(0.0) { $0 + exp(values[first + $1 * inner] - values[index]) }
    }
    // The difference from the maximum, below 200, is rounded to 2^-17 before its exponential is taken.
    #expect(ComputeReference.difference(y.array(), expected) <= 0x1p-15)
  }

  @Test("BatchNormalization applies the stored statistics, LayerNormalization those of each slice")
  func normalization() throws {
    let x = ComputeReference.tensor([2, 3, 4], seed: 2)
    let values = x.array(of: Float.self).map(Double.init)
    let parameters: [[Float]] = [[1, -2, 0.5], [0.25, 0, -1], [0.5, -0.5, 0], [1, 4, 0.25]]
    let y = try ComputeReference.run(
      .batchNormalization, [x] + parameters.map { Tensor($0, shape: [3]) }, ["epsilon": .float(0.5)])[0]
    let expected = values.indices.map { index in
      let p = parameters.map { Double($0[index / 4 % 3]) }
      return (values[index] - p[2]) / (p[3] + 0.5).squareRoot() * p[0] + p[1]
    }
    #expect(ComputeReference.difference(y.array(), expected) <= 8 * 0x1p-24)

    let node = Node(
      name: "layer", kind: .layerNormalization, inputs: [0, 1, 2], outputs: [3, 4, 5],
      attributes: ["axis": .int(1), "epsilon": .float(0.125)])
    let kernel = try OperatorLibrary.kernel(for: node)
    let (scale, bias) = (ComputeReference.tensor([3, 4], seed: 3), ComputeReference.tensor([4], seed: 4))
    let types = try kernel.infer([x, scale, bias].map { InputFacts(elementType: .float32, shape: $0.shape) })
    let outputs = try kernel.run([x, scale, bias])
    #expect(types == outputs.map(\.type))
    #expect(outputs.map(\.shape) == [[2, 3, 4], [2, 1, 1], [2, 1, 1]])
    var (normalized, means, inverses) = ([Double](), [Double](), [Double]())
    for row in 0..<2 {
      let slice = values[row * 12..<row * 12 + 12]
      let mean = slice.reduce(0, +) / 12
      let inverse = 1 / (slice.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / 12 + 0.125).squareRoot()
      means.append(mean)
      inverses.append(inverse)
      for (index, value) in slice.enumerated() {
        normalized.append(
          (value - mean) * inverse * Double(scale.array(of: Float.self)[index])
            + Double(bias.array(of: Float.self)[index % 4]))
      }
    }
    #expect(ComputeReference.difference(outputs[0].array(), normalized) <= 32 * 0x1p-24)
    #expect(ComputeReference.difference(outputs[1].array(), means) <= 8 * 0x1p-24)
    #expect(ComputeReference.difference(outputs[2].array(), inverses) <= 16 * 0x1p-24)
  }

  @Test("BatchNormalization in training takes the batch's statistics and moves the stored ones towards them")
  func trainingNormalization() throws {
    // Channel 0 has mean 2 and variance 1, channel 1 mean 0 and variance 4.
    let x = Tensor([1, 3, -2, 2, 3, 1, 2, -2] as [Float], shape: [2, 2, 2])
    let parameters: [[Float]] = [[2, 3], [0.5, -1], [10, 20], [5, 8]]
    let inputs = [x] + parameters.map { Tensor($0, shape: [2]) }
    let outputs = try ComputeReference.run(
      .batchNormalization, inputs, ["training_mode": .int(1), "epsilon": .float(0), "momentum": .float(0.75)])
    #expect(outputs.count == 3)
    // 2 (x - 2) / 1 + 0.5 and 3 x / 2 - 1, exact in float32.
    #expect(outputs[0].array(of: Float.self) == [-1.5, 2.5, -4, 2, 2.5, -1.5, 2, -4])
    #expect(outputs[1].array(of: Float.self) == [8, 15])
    #expect(outputs[2].array(of: Float.self) == [4, 7])
    let node = Node(name: "n", kind: .batchNormalization, inputs: [], outputs: [0, 1, 2], attributes: [:])
    #expect(throws: OperatorError.invalid("running_mean and running_var exist in training mode only")) {
      try OperatorLibrary.kernel(for: node)
    }
  }

  /// The adjoint of a convolution: each input value spreads its kernel over the output.
  @Test("ConvTranspose spreads each input over the output, with pads, groups, strides and dilations")
  func convTranspose() throws {
    let (x, w) = (ComputeReference.tensor([2, 4, 3, 5], seed: 5), ComputeReference.tensor([4, 3, 3, 2], seed: 6))
    let b = ComputeReference.values(6, seed: 7)
    let (strides, dilations, pads, extra) = ([2, 3], [1, 2], [1, 0, 0, 2], [1, 0])
    let y = try ComputeReference.run(
      .convTranspose, [x, w, Tensor(b, shape: [6])],
      [
        "strides": .ints(strides), "dilations": .ints(dilations), "pads": .ints(pads), "group": .int(2),
        "output_padding": .ints(extra),
      ])[0]
    let (rows, columns) = (7, 13)  // 2 * (3 - 1) + 1 + 3 - 1 and 3 * (5 - 1) + 0 + 3 - 2
    #expect(y.shape == [2, 6, rows, columns])
    var expected = (0..<12 * rows * columns).map { Double(b[$0 / (rows * columns) % 6]) }
    let (source, weights) = (x.array(of: Float.self), w.array(of: Float.self))
    for (index, value) in source.enumerated() {
      let (n, i, r, c) = (index / 60, index / 15 % 4, index / 5 % 3, index % 5)
      for tap in 0..<18 {
        let (o, p, q) = (tap / 6, tap / 2 % 3, tap % 2)
        let (row, column) = (r * 2 + p - 1, c * 3 + q * 2)
        guard (0..<rows).contains(row), (0..<columns).contains(column) else { continue }
        let channel = n * 6 + i / 2 * 3 + o
        expected[(channel * rows + row) * columns + column] += Double(value) * Double(weights[i * 18 + tap])
      }
    }
    #expect(ComputeReference.difference(y.array(), expected) <= 100 * 0x1p-24)
    // A wanted shape is reached by pads; SAME_UPPER wants input * stride.
    let shaped = try ComputeReference.run(
      .convTranspose, [x, w], ["strides": .ints([2, 2]), "output_shape": .ints([6, 9])])[0]
    #expect(shaped.shape == [2, 3, 6, 9])
    let same = try ComputeReference.run(
      .convTranspose, [x, w], ["strides": .ints([2, 2]), "auto_pad": .string("SAME_UPPER")])[0]
    #expect(same.shape == [2, 3, 6, 10])
    let line = try ComputeReference.run(
      .convTranspose,
      [Tensor([1, 2, 3] as [Float], shape: [1, 1, 3]), Tensor([1, 10] as [Float], shape: [1, 1, 2])],
      ["strides": .ints([2])])[0]
    #expect(line.array(of: Float.self) == [1, 10, 2, 20, 3, 30])
  }
}
