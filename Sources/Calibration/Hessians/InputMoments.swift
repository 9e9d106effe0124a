import Graphs
import LinearAlgebra

/// Second and first moments of the columns of one Hessian of an input group.
public struct InputMoments: Sendable {
  /// H = 2/N X Xᵀ in float64.
  public private(set) var hessian: SymmetricMatrix
  /// The mean of the columns of X.
  public let mean: [Double]

  /// The moments of each Hessian of `group` from the sums of all ranks; layout as in `HessianSums`.
  ///
  /// - Parameters:
  ///   - columnCount: N, the columns of X of all ranks.
  ///   - threads: share the work; the result does not depend on them.
  public static func moments(
    of group: InputGroup, sums: [Int64], scale: SumScale, columnCount: Int, threads: Int = 1
  ) -> [InputMoments] {
    let rows = MomentRows(group: group, sums: ReadStorage(sums), scale: scale, columnCount: columnCount)
    return (0..<group.groups).map { index in
      let size = SymmetricMatrix.count(order: group.columns)
      let upper = [Double](unsafeUninitializedCapacity: size) { buffer, count in
        rows.write(hessian: index, to: buffer.baseAddress!, threads: threads)
        count = size
      }
      return InputMoments(hessian: SymmetricMatrix(order: group.columns, upper: upper), mean: rows.mean(hessian: index))
    }
  }

  private init(hessian: SymmetricMatrix, mean: [Double]) { (self.hessian, self.mean) = (hessian, mean) }

  /// Replaces H by 2/N (X - mean)(X - mean)ᵀ: the loss of a layer whose bias may change.
  ///
  /// With E = W - Q the best bias change is E mean, and what remains of the loss is E H_c Eᵀ with this H_c. A column that
  /// does not vary beyond rounding (2⁻²⁰ of its mean square) is set to zero: the bias can replace it.
  public mutating func center(threads: Int = 1) {
    let mean = mean
    hessian.upper.withUnsafeMutableBufferPointer { upper in
      guard let base = upper.baseAddress else { return }
      MomentRows.center(base, mean: mean, threads: threads)
    }
  }
}
