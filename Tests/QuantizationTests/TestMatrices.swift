import Foundation
import LinearAlgebra

@testable import Quantization

/// Seeded numbers, the same on every machine (SplitMix64).
struct SeededNumbers {
  private var state: UInt64

  init(seed: UInt64) { state = seed }

  /// Uniform in 0 ..< 1.
  mutating func uniform() -> Double {
    state &+= 0x9E37_79B9_7F4A_7C15
    var z = state
    z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
    return Double((z ^ (z >> 31)) >> 11) * 0x1p-53
  }

  /// Normal with mean 0 and variance 1.
  mutating func normal() -> Double {
    (-2 * log(1 - uniform())).squareRoot() * cos(2 * .pi * uniform())
  }

  /// `count` normal numbers times `scale`.
  mutating func normals(_ count: Int, scale: Double = 1) -> [Float] {
    (0..<count).map { _ in Float(normal() * scale) }
  }

  /// X transpose(X) of `samples` correlated columns of `order` numbers whose scales span a factor of about 30.
  mutating func hessian(order: Int, samples: Int) -> SymmetricMatrix {
    let scales = (0..<order).map { _ in exp(normal()) }
    var upper = [Double](repeating: 0, count: SymmetricMatrix.count(order: order))
    for _ in 0..<samples {
      let shared = normal()
      let x = scales.map { $0 * (normal() + shared) }
      for i in 0..<order {
        let start = SymmetricMatrix.rowStart(i, order: order) - i
        for j in i..<order { upper[start + j] += x[i] * x[j] }
      }
    }
    return SymmetricMatrix(order: order, upper: upper)
  }
}

extension SymmetricMatrix {
  /// x H transpose(x).
  func form(_ x: [Double]) -> Double {
    var sum = 0.0
    for i in 0..<order { for j in 0..<order { sum += x[i] * self[i, j] * x[j] } }
    return sum
  }

  /// The matrix plus `value` on the diagonal.
  func adding(diagonal value: Double) -> SymmetricMatrix {
    var result = self
    for i in 0..<order { result.upper[Self.rowStart(i, order: order)] += value }
    return result
  }

  /// The mean of the diagonal.
  var meanDiagonal: Double { diagonal.reduce(0, +) / Double(order) }
}

extension RowSolver {
  /// Solves the rows of an array.
  func solve(_ weights: [Float]) throws(QuantizationError) -> RowBlock {
    try weights.withUnsafeBufferPointer { weights throws(QuantizationError) in
      try solve(weights: weights, rows: weights.count / columns)
    }
  }
}

extension SharedFactor {
  /// The rounding errors of an array of rows.
  static func roundingErrors(_ weights: [Float], columns: Int, scheme: QuantizationScheme) -> [Double] {
    weights.withUnsafeBufferPointer {
      roundingErrors(weights: $0, rows: weights.count / columns, columns: columns, scheme: scheme)
    }
  }
}

extension RowBlock {
  /// The part of a block that a call with only these rows should give.
  func extracting(_ range: Range<Int>) -> RowBlock {
    let scheme = QuantizationScheme(bits: 8, symmetric: true, granularity: .group(size: groupSize))
    var block = RowBlock(rows: range.count, columns: columns, scheme: scheme, energies: !energies.isEmpty)
    block.codes = [UInt8](codes[range.lowerBound * columns..<range.upperBound * columns])
    block.scales = [Float](scales[range.lowerBound * groups..<range.upperBound * groups])
    block.zeroPoints = [UInt8](zeroPoints[range.lowerBound * groups..<range.upperBound * groups])
    block.losses = [Double](losses[range])
    if !energies.isEmpty { block.energies = [Double](energies[range]) }
    return block
  }
}
