import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

/// Numbers in -1 ..< 1 that are the same in every run.
private func noise(_ count: Int, seed: UInt64) -> [Float] {
  var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
  return (0..<count).map { _ in
    state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
    return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31)
  }
}

private func group(_ unfolding: Unfolding?, columns: Int) -> InputGroup {
  InputGroup(input: 0, unfolding: unfolding, columns: columns, layers: [0])
}

/// X Xᵀ in float64 by the definition of a convolution.
private func reference(_ tensor: Tensor, _ unfolding: Unfolding, outputs: (Int, Int), group: Int) -> [Double] {
  let x = tensor.array(of: Float.self)
  let (channels, height, width) = (tensor.shape[1], tensor.shape[2], tensor.shape[3])
  let perGroup = channels / unfolding.groups
  let order = perGroup * unfolding.kernel[0] * unfolding.kernel[1]
  var sum = [Double](repeating: 0, count: order * order)
  for image in 0..<tensor.shape[0] {
    for row in 0..<outputs.0 {
      for column in 0..<outputs.1 {
        var entry: [Double] = []
        for channel in group * perGroup..<(group + 1) * perGroup {
          for i in 0..<unfolding.kernel[0] {
            for j in 0..<unfolding.kernel[1] {
              let y = row * unfolding.strides[0] + i * unfolding.dilations[0] - unfolding.pads[0]
              let z = column * unfolding.strides[1] + j * unfolding.dilations[1] - unfolding.pads[1]
              let inside = (0..<height).contains(y) && (0..<width).contains(z)
              entry.append(inside ? Double(x[((image * channels + channel) * height + y) * width + z]) : 0)
            }
          }
        }
        for a in 0..<order { for b in 0..<order { sum[a * order + b] += entry[a] * entry[b] } }
      }
    }
  }
  return sum
}

@Suite("Hessians")
struct HessianTests {
  @Test(
    "H of a convolution is 2/N X X^T of its unfolded input",
    arguments: [
      (
        Unfolding(
          kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], autoPad: "NOTSET", groups: 1), (7, 5)
      ),
      (
        Unfolding(
          kernel: [3, 2], strides: [2, 3], dilations: [1, 1], pads: [0, 1, 2, 0], autoPad: "NOTSET", groups: 2), (4, 2)
      ),
      (
        Unfolding(
          kernel: [2, 3], strides: [1, 2], dilations: [3, 2], pads: [2, 2, 1, 3], autoPad: "NOTSET", groups: 4), (7, 3)
      ),
      (
        Unfolding(
          kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], autoPad: "NOTSET", groups: 1), (7, 5)
      ),
      (
        Unfolding(
          kernel: [1, 1], strides: [2, 2], dilations: [1, 1], pads: [0, 0, 0, 0], autoPad: "NOTSET", groups: 1), (4, 3)
      ),
    ])
  func convolution(unfolding: Unfolding, outputs: (Int, Int)) throws {
    let tensor = Tensor(noise(3 * 4 * 7 * 5, seed: 7), shape: [3, 4, 7, 5])
    let columns = 4 / unfolding.groups * unfolding.kernel[0] * unfolding.kernel[1]
    let group = group(unfolding, columns: columns)
    let chunk = try InputColumns(group: group, tensors: [tensor])
    #expect(chunk.count == 3 * outputs.0 * outputs.1)
    let scale = SumScale(bound: try chunk.largestSumOfSquares(), chunkCount: 1, columnCount: chunk.count)
    let sums = HessianSums(group: group, scale: scale)
    try sums.add(chunk)
    let moments = InputMoments.moments(of: group, sums: sums.take(), scale: scale, columnCount: chunk.count)
    #expect(moments.count == unfolding.groups)
    for (index, hessian) in moments.map(\.hessian).enumerated() {
      let expected = reference(tensor, unfolding, outputs: outputs, group: index)
      for row in 0..<columns {
        for column in 0..<columns {
          let value = expected[row * columns + column] * 2 / Double(chunk.count)
          // float32 products and sums of at most 105 terms below 1: 105 * 2^-24 * 2.
          #expect(abs(hessian[row, column] - value) < 2e-5)
        }
      }
    }
  }

  @Test("the sums do not depend on the order of the chunks")
  func order() throws {
    let group = group(nil, columns: 5)
    let chunks = try (0..<6).map { index in
      try InputColumns(group: group, tensors: [Tensor(noise(35, seed: UInt64(index)), shape: [7, 5])])
    }
    let scale = SumScale(bound: 7, chunkCount: 6, columnCount: 42)
    func sums(_ order: [Int]) throws -> [Int64] {
      let sums = HessianSums(group: group, scale: scale)
      for index in order { try sums.add(chunks[index]) }
      return sums.take()
    }
    let forward = try sums([0, 1, 2, 3, 4, 5])
    #expect(try forward == sums([5, 1, 3, 0, 2, 4]))
    let (first, second) = (try sums([0, 1]), try sums([2, 3, 4, 5]))
    #expect(forward == zip(first, second).map { $0 + $1 })
  }

  @Test("the scales fill the integers and leave room for every chunk")
  func scale() {
    for bound in [1e-30, 0.3, 1, 7, 1e30] {
      for chunks in [1, 3, 1000] {
        let scale = SumScale(bound: bound, chunkCount: chunks, columnCount: 50 * chunks)
        for largest in [
          bound * Double(chunks) * scale.products, bound.squareRoot() * Double(50 * chunks) * scale.elements,
        ] {
          #expect(largest <= 0x1p61)
          #expect(largest >= 0x1p60)
        }
      }
    }
    #expect(SumScale(bound: 0, chunkCount: 4, columnCount: 9) == SumScale(bound: 0, chunkCount: 1, columnCount: 1))
  }

  @Test("centering takes the mean out of H, and a constant column becomes zero")
  func centering() throws {
    // Columns: noise about 3, the constant 2, noise.
    let count = 400
    let noise = noise(2 * count, seed: 3)
    var vectors: [Float] = []
    for index in 0..<count { vectors += [3 + noise[index], 2, noise[count + index]] }
    let group = group(nil, columns: 3)
    let chunk = try InputColumns(group: group, tensors: [Tensor(vectors, shape: [count, 3])])
    let scale = SumScale(bound: try chunk.largestSumOfSquares(), chunkCount: 1, columnCount: count)
    let sums = HessianSums(group: group, scale: scale)
    try sums.add(chunk)
    var moments = InputMoments.moments(of: group, sums: sums.take(), scale: scale, columnCount: count)[0]
    var mean = [0.0, 0.0, 0.0]
    for index in vectors.indices { mean[index % 3] += Double(vectors[index]) / Double(count) }
    for column in 0..<3 { #expect(abs(moments.mean[column] - mean[column]) < 1e-12) }
    moments.center()
    for (row, column) in [(0, 0), (0, 2), (2, 2)] {
      var covariance = 0.0
      for index in 0..<count {
        let left = Double(vectors[index * 3 + row]) - mean[row]
        let right = Double(vectors[index * 3 + column]) - mean[column]
        covariance += left * right * 2 / Double(count)
      }
      // X Xᵀ of values up to 4 in float32: a relative 2^-24 of 16 per term, N terms averaged.
      #expect(abs(moments.hessian[row, column] - covariance) < 1e-5)
    }
    for column in 0..<3 { #expect(moments.hessian[1, column] == 0) }
  }

  @Test("NaN names channel and sample; overflow of float32 is refused")
  func notFinite() throws {
    var values = noise(2 * 3 * 4, seed: 1)
    values[12 + 4 * 2 + 1] = .nan
    let unfolding = Unfolding(
      kernel: [1], strides: [1], dilations: [1], pads: [0, 0], autoPad: "NOTSET", groups: 1)
    let group = group(unfolding, columns: 3)
    let chunk = try InputColumns(group: group, tensors: [Tensor(values, shape: [2, 3, 4])])
    #expect(throws: HessianError.notFinite(channel: 2, sample: 1)) { try chunk.largestSumOfSquares() }
    values[12 + 4 * 2 + 1] = 1e19
    let large = try InputColumns(group: group, tensors: [Tensor(values, shape: [2, 3, 4])])
    #expect(throws: HessianError.self) { try large.largestSumOfSquares() }
  }

  @Test("an input of the wrong width is refused")
  func width() {
    #expect(throws: HessianError.wrongWidth(shape: [2, 4], expected: 3)) {
      try InputColumns(group: group(nil, columns: 3), tensors: [Tensor(noise(8, seed: 1), shape: [2, 4])])
    }
  }
}
