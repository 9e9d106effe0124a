import Foundation
import LinearAlgebra

/// Random numbers and matrices, the same in every run.
enum Problems {
  /// Uniform in -1 ..< 1.
  static func uniform(_ count: Int) -> [Float] {
    var state: UInt32 = 1
    return [Float](unsafeUninitializedCapacity: count) { numbers, initialized in
      for index in 0..<count {
        state = state &* 1_664_525 &+ 1_013_904_223
        numbers[index] = Float(state >> 8) * 0x1p-23 - 1
      }
      initialized = count
    }
  }

  /// About normal, as trained weights are: sums of twelve uniform numbers, deviation 0.05.
  static func weights(_ count: Int) -> [Float] {
    var state: UInt32 = 1
    return [Float](unsafeUninitializedCapacity: count) { numbers, initialized in
      for index in 0..<count {
        var sum: Float = 0
        for _ in 0..<12 {
          state = state &* 1_664_525 &+ 1_013_904_223
          sum += Float(state >> 8) * 0x1p-24 - 0.5
        }
        numbers[index] = sum * 0.05
      }
      initialized = count
    }
  }

  /// Symmetric positive definite and well conditioned.
  static func hessian(order: Int) -> SymmetricMatrix {
    var hessian = SymmetricMatrix(
      order: order, upper: uniform(SymmetricMatrix.count(order: order)).map { Double($0) * 0.3 })
    for j in 0..<order {
      hessian.upper[SymmetricMatrix.rowStart(j, order: order)] = Double(order) * (0.5 + Double(j % 97) / 97)
    }
    return hessian
  }
}
