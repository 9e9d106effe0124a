import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

/// Operators and sums whose pieces several threads take.
@Suite("Pieces of operators and sums")
struct PiecesTests {
  private func noise(_ shape: [Int], seed: UInt64 = 1) -> Tensor {
    var state = seed &* 2_862_933_555_777_941_757 &+ 3_037_000_493
    let values = (0..<shape.reduce(1, *)).map { _ in
      state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
      return Float(Int32(truncatingIfNeeded: state >> 32)) / Float(1 << 31)
    }
    return Tensor(values, shape: shape)
  }

  private func bytes(_ tensors: [Tensor]) -> [[UInt8]] { tensors.map { $0.withBytes { Array($0) } } }

  /// Runs a kernel on one thread and as the only item of 2, 3 and 8; it must have pieces, and give the same bytes.
  private func check(_ kind: OperatorKind, _ attributes: [String: Attribute] = [:], _ inputs: [Tensor?]) throws {
    let node = Node(
      name: "node", kind: kind, inputs: inputs.indices.map { inputs[$0] == nil ? nil : $0 }, outputs: [inputs.count],
      attributes: attributes)
    let kernel = try OperatorLibrary.kernel(for: node)
    let types = inputs.map { $0.map { TensorType($0.elementType, $0.shape) } }
    #expect(kernel.pieceCount(types) > 1, "\(kind)")
    let alone = bytes(try kernel.run(inputs))
    for threads in [2, 3, 8] {
      let results = try Parallel.map(1, threads: threads, atOnce: threads) { _, workers throws(OperatorError) in
        try kernel.run(inputs, workers)
      }
      #expect(bytes(results[0]) == alone, "\(kind) on \(threads) threads")
    }
  }

  @Test("products of float32 matrices do not depend on the threads")
  func products() throws {
    let (x, w) = (noise([130, 200]), noise([1100, 200], seed: 2))
    try check(.gemm, ["transB": .int(1)], [x, w, noise([1100], seed: 3)])
    try check(.gemm, ["transB": .int(1)], [x, w.narrowedToBFloat16])
    try check(.gemm, ["transA": .int(1), "alpha": .float(0.5)], [noise([200, 1130]), noise([200, 70], seed: 2)])
    try check(.matMul, [:], [noise([2, 65, 200]), noise([200, 1100], seed: 2)])
    try check(.matMul, [:], [noise([3, 2, 9, 20]), noise([2, 20, 7], seed: 2)])
  }

  @Test("products of bfloat16 matrices do not depend on the threads", .enabled(if: GEMM.hasFastBFloat16))
  func narrowProducts() throws {
    let (x, w) = (noise([1030, 96]).narrowedToBFloat16, noise([600, 96], seed: 2))
    try check(.gemm, ["transB": .int(1)], [x, w.narrowedToBFloat16])
    try check(.gemm, ["transB": .int(1), "alpha": .float(2)], [x, w, noise([600], seed: 3)])
  }

  @Test("attention does not depend on the threads")
  func attention() throws {
    let attributes: [String: Attribute] = [
      "q_num_heads": .int(4), "kv_num_heads": .int(2), "is_causal": .int(1),
    ]
    try check(
      .attention, attributes, [noise([2, 150, 32]), noise([2, 150, 16], seed: 2), noise([2, 150, 16], seed: 3)])
  }

  @Test("convolutions do not depend on the threads")
  func convolutions() throws {
    let same: [String: Attribute] = ["pads": .ints([1, 1, 1, 1])]
    try check(.conv, same, [noise([5, 32, 30, 30]), noise([64, 32, 3, 3], seed: 2), noise([64], seed: 3)])
    try check(
      .conv, same.merging(["group": .int(8)]) { $1 }, [noise([9, 64, 60, 60]), noise([128, 8, 3, 3], seed: 2)])
    try check(.conv, [:], [noise([9, 16, 8, 8]), noise([24, 16, 1, 1], seed: 2), noise([24], seed: 3)])
    try check(.conv, [:], [noise([1, 64, 30, 30]), noise([256, 64, 1, 1], seed: 2), noise([256], seed: 3)])
  }

  @Test("passes over elements do not depend on the threads")
  func elements() throws {
    let x = noise([3, 130, 700])
    try check(.add, [:], [x, noise([130, 1], seed: 2)])
    try check(.mul, [:], [x, noise([3, 130, 700], seed: 2)])
    try check(.add, [:], [noise([200_000]), noise([1], seed: 2)])
    try check(.relu, [:], [x])
    try check(.swish, [:], [x])
    try check(.rmsNormalization, [:], [x, noise([700], seed: 2)])
    try check(.layerNormalization, [:], [x, noise([700], seed: 2), noise([700], seed: 3)])
    try check(.cast, ["to": .int(16)], [x])
    try check(
      .rotaryEmbedding, ["num_heads": .int(7)], [x, noise([3, 130, 50], seed: 2), noise([3, 130, 50], seed: 3)])
  }

  /// The sums of a chunk and of differences from another, on so many threads.
  private func sums(_ group: InputGroup, _ x: Tensor, _ other: Tensor, threads: Int) throws -> [[Int64]] {
    let scale = SumScale(bound: 1e5, chunkCount: 1, columnCount: 1 << 12)
    let (columns, others) = (
      try InputColumns(group: group, tensors: [x]), try InputColumns(group: group, tensors: [other])
    )
    let (hessian, cross) = (HessianSums(group: group, scale: scale), CrossSums(group: group, scale: scale))
    let bounds = try Parallel.map(1, threads: threads, atOnce: threads) { _, workers throws(HessianError) in
      try hessian.add(columns, workers: workers)
      try cross.add(
        differences: others.differences(from: columns, workers: workers), quantized: columns, workers: workers)
      return (
        try columns.largestSumOfSquares(workers: workers),
        try others.largestSumOfSquares(ofDifferencesFrom: columns, workers: workers)
      )
    }
    let flat = [bounds[0].0, bounds[0].1].map { Int64(bitPattern: $0.bitPattern) }
    return [hessian.take(), cross.take(), flat]
  }

  @Test("sums over a chunk do not depend on the threads")
  func sums() throws {
    let vectors = InputGroup(input: 0, unfolding: nil, columns: 600, layers: [])
    let dense = Unfolding(
      kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], autoPad: "NOTSET", groups: 1)
    let grouped = Unfolding(
      kernel: [3, 3], strides: [1, 1], dilations: [1, 1], pads: [1, 1, 1, 1], autoPad: "NOTSET", groups: 4)
    var cases = [
      (vectors, noise([150, 600]), noise([150, 600], seed: 2)),
      (
        InputGroup(input: 0, unfolding: dense, columns: 576, layers: []), noise([2, 64, 9, 9]),
        noise([2, 64, 9, 9], seed: 2)
      ),
      (
        InputGroup(input: 0, unfolding: grouped, columns: 36, layers: []), noise([2, 16, 9, 9]),
        noise([2, 16, 9, 9], seed: 2)
      ),
    ]
    if GEMM.hasFastBFloat16 { cases.append((vectors, cases[0].1.narrowedToBFloat16, cases[0].2.narrowedToBFloat16)) }
    for (group, x, other) in cases {
      let alone = try sums(group, x, other, threads: 1)
      for threads in [2, 3, 8] { #expect(try sums(group, x, other, threads: threads) == alone) }
    }
  }

  @Test("the sums of strips are X Xᵀ to the last place of float32", arguments: [false, true])
  func values(isUnfolded: Bool) throws {
    let unfolding = Unfolding(
      kernel: [1, 1], strides: [1, 1], dilations: [1, 1], pads: [0, 0, 0, 0], autoPad: "NOTSET", groups: 1)
    let group = InputGroup(input: 0, unfolding: isUnfolded ? unfolding : nil, columns: 530, layers: [])
    let x = isUnfolded ? noise([1, 530, 4, 5]) : noise([20, 530])
    let scale = SumScale(bound: 1e5, chunkCount: 1, columnCount: 20)
    let sums = HessianSums(group: group, scale: scale)
    try sums.add(InputColumns(group: group, tensors: [x]))
    let (values, taken) = (x.array(of: Float.self), sums.take())
    func entry(_ column: Int, _ position: Int) -> Double {
      Double(values[isUnfolded ? column * 20 + position : position * 530 + column])
    }
    for (row, column) in [(0, 0), (0, 529), (255, 300), (256, 256), (300, 511), (383, 384), (400, 529), (529, 529)] {
      let exact = (0..<20).reduce(0) { $0 + entry(row, $1) * entry(column, $1) }
      let sum = Double(taken[SymmetricMatrix.rowStart(row, order: 530) + column - row]) / scale.products
      #expect(abs(sum - exact) < 1e-5)
    }
  }
}
