import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

@Suite("Cross sums")
struct CrossSumsTests {
  private func noise(_ count: Int, seed: UInt64) -> [Float] {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    return (0..<count).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31)
    }
  }

  /// Chunks of X and X̃ with the group's columns, and the scale for all of them.
  private func chunks(
    _ group: InputGroup, shape: [Int], count: Int
  ) throws -> (float: [InputColumns], quantized: [InputColumns], scale: SumScale, columns: Int) {
    let size = shape.reduce(1, *)
    func tensors(_ seed: Int, _ offset: Float) throws -> [InputColumns] {
      try (0..<count).map { index in
        let values = noise(size, seed: UInt64(seed + index)).map { $0 + offset }
        return try InputColumns(group: group, tensors: [Tensor(values, shape: shape)])
      }
    }
    let (float, quantized) = (try tensors(10, 0.3), try tensors(50, -0.4))
    let columns = float.reduce(0) { $0 + $1.count }
    let differences = try zip(float, quantized).map { try $0.differences(from: $1).largestSumOfSquares() }.max()!
    let inputs = try quantized.map { try $0.largestSumOfSquares() }.max()!
    let scale = SumScale(differences: differences, inputs: inputs, chunkCount: count, columnCount: columns)
    return (float, quantized, scale, columns)
  }

  @Test("the product is 2/N (X - X~) X~^T, and centering takes the means out")
  func vectors() throws {
    let group = InputGroup(input: 0, unfolding: nil, columns: 4, layers: [0])
    let (float, quantized, scale, count) = try chunks(group, shape: [9, 4], count: 3)
    let sums = CrossSums(group: group, scale: scale)
    let inputScale = SumScale(bound: 40, chunkCount: 3, columnCount: count)
    let inputSums = HessianSums(group: group, scale: inputScale)
    var (d, x) = ([[Double]](), [[Double]]())
    for (left, right) in zip(float, quantized) {
      try sums.add(differences: left.differences(from: right), quantized: right)
      try inputSums.add(right)
      let (a, b) = (left.tensors[0].array(of: Float.self), right.tensors[0].array(of: Float.self))
      for start in stride(from: 0, to: a.count, by: 4) {
        d.append((0..<4).map { Double(a[start + $0]) - Double(b[start + $0]) })
        x.append((0..<4).map { Double(b[start + $0]) })
      }
    }
    var moments = CrossMoments.moments(of: group, sums: ReadStorage(sums.take()), scale: scale, columnCount: count)[0]
    func mean(_ values: [[Double]], _ index: Int) -> Double { values.reduce(0) { $0 + $1[index] } / Double(count) }
    func check(_ moments: CrossMoments, _ left: [Double], _ right: [Double]) {
      for row in 0..<4 {
        for column in 0..<4 {
          var expected = 0.0
          for index in d.indices { expected += (d[index][row] - left[row]) * (x[index][column] - right[column]) }
          // Products of at most 2.7 * 1.4 in float32, averaged: 27 terms of 2^-22.
          #expect(abs(moments.product[row * 4 + column] - 2 * expected / Double(count)) < 2e-5)
        }
      }
    }
    check(moments, [0, 0, 0, 0], [0, 0, 0, 0])
    for row in 0..<4 { #expect(abs(moments.mean[row] - mean(d, row)) < 1e-7) }
    var inputs = InputMoments.moments(of: group, sums: inputSums.take(), scale: inputScale, columnCount: count)[0]
    inputs.center()
    moments.center(
      about: inputs.mean, constants: inputs.hessian.diagonal.indices.filter { inputs.hessian.diagonal[$0] == 0 })
    check(moments, (0..<4).map { mean(d, $0) }, (0..<4).map { mean(x, $0) })
  }

  @Test("the product of a grouped convolution is that of its unfolded inputs, chunk order aside")
  func convolution() throws {
    let unfolding = Unfolding(
      kernel: [3, 2], strides: [2, 1], dilations: [1, 1], pads: [1, 0, 1, 1], autoPad: "NOTSET", groups: 2)
    let group = InputGroup(input: 0, unfolding: unfolding, columns: 12, layers: [0])
    let (float, quantized, scale, count) = try chunks(group, shape: [2, 4, 5, 4], count: 3)
    func sums(_ order: [Int]) throws -> [Int64] {
      let sums = CrossSums(group: group, scale: scale)
      for index in order {
        try sums.add(differences: float[index].differences(from: quantized[index]), quantized: quantized[index])
      }
      return sums.take()
    }
    let all = try sums([0, 1, 2])
    #expect(try all == sums([2, 0, 1]))
    #expect(try all == zip(sums([1]), sums([0, 2])).map { $0 + $1 })
    let moments = CrossMoments.moments(of: group, sums: ReadStorage(all), scale: scale, columnCount: count)
    #expect(moments.count == 2)
    for hessian in 0..<2 {
      var expected = [Double](repeating: 0, count: 144)
      for (left, right) in zip(float, quantized) {
        let shape = right.tensors[0].shape
        let geometry = SpatialGeometry(unfolding, shape: shape)
        let (a, b) = (left.tensors[0].array(of: Float.self), right.tensors[0].array(of: Float.self))
        let depth = shape[0] * geometry.positions
        func unfolded(_ values: [Float]) -> [Float] {
          [Float](unsafeUninitializedCapacity: 12 * depth) { columns, initialized in
            values.withUnsafeBufferPointer {
              geometry.unfold(
                $0.baseAddress! + hessian * 2 * 20, images: 2, imageStride: 80, channelCount: 2,
                into: columns.baseAddress!)
            }
            initialized = 12 * depth
          }
        }
        let (x, y) = (unfolded(a), unfolded(b))
        for row in 0..<12 {
          for column in 0..<12 {
            for position in 0..<depth {
              let difference = Double(x[row * depth + position]) - Double(y[row * depth + position])
              expected[row * 12 + column] += difference * Double(y[column * depth + position]) * 2 / Double(count)
            }
          }
        }
      }
      for index in 0..<144 { #expect(abs(moments[hessian].product[index] - expected[index]) < 4e-5) }
    }
  }

  @Test("inputs that do not drift have sums of zero")
  func zero() throws {
    let group = InputGroup(input: 0, unfolding: nil, columns: 3, layers: [0])
    let columns = try InputColumns(group: group, tensors: [Tensor(noise(30, seed: 4), shape: [10, 3])])
    #expect(try columns.differences(from: columns).largestSumOfSquares() == 0)
    let scale = SumScale(differences: 0, inputs: 7, chunkCount: 1, columnCount: 10)
    #expect(scale.products == 1 && scale.elements == 1)
  }
}
