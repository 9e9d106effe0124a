import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

/// Products and sums of bfloat16, on CPUs that have them; conversions and column sums on all.
@Suite("bfloat16")
struct BFloat16Tests {
  private func noise(_ shape: [Int], seed: UInt64, offset: Float = 0) -> Tensor {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    let values = (0..<shape.reduce(1, *)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31) + offset
    }
    return Tensor(values, shape: shape)
  }

  private func floats(_ tensor: Tensor) -> [Float] { tensor.widened.array(of: Float.self) }

  @Test("rounding goes to the nearest, ties to even, and keeps NaN, infinity and zero's sign")
  func rounding() {
    let cases: [(UInt32, UInt16)] = [
      (0x3F80_0000, 0x3F80), (0x3F80_8000, 0x3F80), (0x3F81_8000, 0x3F82), (0x3F80_8001, 0x3F81),
      (0x7F7F_FFFF, 0x7F80), (0x7F80_0000, 0x7F80), (0x8000_0000, 0x8000), (0x7F80_0001, 0x7FC0),
      (0xFFFF_FFFF, 0xFFFF), (0x0000_8001, 0x0001),
    ]
    // More than one vector's worth, so that vector and scalar code are both seen.
    let repeated = Array(repeating: cases, count: 7).flatMap { $0 }
    let source = Tensor(repeated.map { Float(bitPattern: $0.0) }, shape: [repeated.count])
    let bits = source.narrowedToBFloat16.withBytes { Array($0.assumingMemoryBound(to: UInt16.self)) }
    #expect(bits == repeated.map(\.1))
  }

  @Test("column sums are the float64 sums row after row, in both types", arguments: [1, 3, 37])
  func columnSums(columns: Int) {
    let (left, right) = (noise([11, columns], seed: 1), noise([11, columns], seed: 2, offset: 0.25))
    for (left, right) in [(left, right), (left.narrowedToBFloat16, right.narrowedToBFloat16)] {
      let (a, b) = (floats(left), floats(right))
      func expected(_ term: (Int) -> Double) -> [Double] {
        (0..<columns).map { column in (0..<11).reduce(0) { $0 + term($1 * columns + column) } }
      }
      #expect(ColumnSums.sums(left, columns: columns, .alone) == expected { Double(a[$0]) })
      #expect(ColumnSums.squares(left, columns: columns, .alone) == expected { Double(a[$0]) * Double(a[$0]) })
      #expect(
        ColumnSums.squares(left, minus: right, columns: columns, .alone)
          == expected { Double(a[$0] - b[$0]) * Double(a[$0] - b[$0]) })
    }
  }

  @Test(
    "a Gemm of bfloat16 inputs is the product of the rounded matrices", .enabled(if: GEMM.hasFastBFloat16),
    arguments: [(true, ElementType.bfloat16), (true, .float32), (false, .bfloat16), (false, .float32)])
  func gemm(transposed: Bool, weightType: ElementType) throws {
    let (rows, depth, columns) = (19, 70, 33)
    let a = noise([rows, depth], seed: 3).narrowedToBFloat16
    let whole = noise(transposed ? [columns, depth] : [depth, columns], seed: 4)
    let b = weightType == .float32 ? whole : whole.narrowedToBFloat16
    let c = noise([columns], seed: 5)
    for (bias, alpha) in [(nil, Float(1)), (c, 1), (c, 0.5)] as [(Tensor?, Float)] {
      let node = Node(
        name: "gemm", kind: .gemm, inputs: [0, 1, 2], outputs: [3],
        attributes: ["transB": .int(transposed ? 1 : 0), "alpha": .float(alpha)])
      let kernel = try GemmKernel(node)
      let inputs = [a, b, bias]
      let facts = inputs.map { $0.map { InputFacts(elementType: $0.elementType, shape: $0.shape, constant: nil) } }
      #expect(try kernel.infer(facts)[0].shape == [rows, columns])
      let result = try kernel.run(inputs)[0].array(of: Float.self)
      let (x, w) = (floats(a), floats(whole.narrowedToBFloat16))
      for row in 0..<rows {
        for column in 0..<columns {
          let sum = (0..<depth).reduce(0.0) { sum, k in
            sum + Double(x[row * depth + k]) * Double(w[transposed ? column * depth + k : k * columns + column])
          }
          let expected = Double(alpha) * sum + (bias.map { Double($0.array(of: Float.self)[column]) } ?? 0)
          // 70 exact products below 1.02 in float32 sums.
          #expect(abs(Double(result[row * columns + column]) - expected) < 70 * 70 * 0x1p-24)
        }
      }
    }
  }

  @Test("rows of zeros are skipped without a trace", .enabled(if: GEMM.hasFastBFloat16))
  func zeroRows() throws {
    let whole = noise([12, 40], seed: 6).array(of: Float.self)
    let a = Tensor(whole.enumerated().map { $0 / 40 % 3 == 1 ? 0 : $1 }, shape: [12, 40]).narrowedToBFloat16
    let b = noise([24, 40], seed: 7).narrowedToBFloat16
    func run(_ skips: Int) throws -> [Float] {
      let node = Node(
        name: "gemm", kind: .gemm, inputs: [0, 1], outputs: [2],
        attributes: ["transB": .int(1), "skips_zero_rows": .int(skips)])
      return try GemmKernel(node).run([a, b])[0].array(of: Float.self)
    }
    let (all, few) = (try run(0), try run(1))
    for (left, right) in zip(all, few) { #expect(abs(left - right) < 40 * 40 * 0x1p-24) }
    #expect(few[24..<48].allSatisfy { $0 == 0 })
  }

  @Test(
    "X X^T and D X~^T of bfloat16 columns are those of the same numbers in float32",
    .enabled(if: GEMM.hasFastBFloat16), arguments: [5, 300])
  func sums(columns: Int) throws {
    let group = InputGroup(input: 0, unfolding: nil, columns: columns, layers: [0])
    let x = noise([48, columns], seed: 8).narrowedToBFloat16
    let float = noise([48, columns], seed: 9).narrowedToBFloat16
    func moments(_ x: Tensor, _ float: Tensor) throws -> (hessian: InputMoments, cross: CrossMoments) {
      let (quantized, original) = (
        try InputColumns(group: group, tensors: [x]), try InputColumns(group: group, tensors: [float])
      )
      let scale = SumScale(bound: 400, chunkCount: 1, columnCount: 48)
      let (sums, cross) = (HessianSums(group: group, scale: scale), CrossSums(group: group, scale: scale))
      try sums.add(quantized)
      try cross.add(differences: original.differences(from: quantized), quantized: quantized)
      return (
        InputMoments.moments(of: group, sums: sums.take(), scale: scale, columnCount: 48)[0],
        CrossMoments.moments(of: group, sums: ReadStorage(cross.take()), scale: scale, columnCount: 48)[0]
      )
    }
    let (half, whole) = (try moments(x, float), try moments(x.widened, float.widened))
    for row in 0..<columns {
      for column in row..<columns {
        // Products of at most 1 are exact; 48 of them in float32, in two orders, times 2/48.
        #expect(abs(half.hessian.hessian[row, column] - whole.hessian.hessian[row, column]) < 4 * 48 * 0x1p-24)
      }
    }
    for (left, right) in zip(half.cross.product, whole.cross.product) {
      // D, below 2, is rounded to 8 bits beside that.
      #expect(abs(left - right) < 4 * 0x1p-9)
    }
    #expect(half.hessian.mean == whole.hessian.mean)
    let columns = (
      try InputColumns(group: group, tensors: [x]), try InputColumns(group: group, tensors: [float])
    )
    let bound = try columns.1.largestSumOfSquares(ofDifferencesFrom: columns.0)
    let made = try columns.1.differences(from: columns.0).largestSumOfSquares()
    #expect(abs(bound - made) < 0x1p-7 * bound)
  }
}
