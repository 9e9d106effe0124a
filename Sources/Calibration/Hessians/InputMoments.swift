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
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public static func moments(
    of group: InputGroup, sums: [Int64], scale: SumScale, columnCount: Int
  ) -> [InputMoments] {
    precondition(sums.count == HessianSums.count(group), "\(sums.count) sums for an input group of other size")
    let (columns, size) = (group.columns, SymmetricMatrix.count(order: group.columns))
    let count = Double(max(columnCount, 1))
    return (0..<group.groups).map { index in
      let start = group.groups * size + index * columns
      let factor = 2 / (count * scale.products)
      return InputMoments(
        hessian: SymmetricMatrix(
          order: columns, upper: sums[index * size..<(index + 1) * size].map { Double($0) * factor }),
        mean: sums[start..<start + columns].map { Double($0) / (count * scale.elements) })
    }
  }

  private init(hessian: SymmetricMatrix, mean: [Double]) { (self.hessian, self.mean) = (hessian, mean) }

  /// Replaces H by 2/N (X - mean)(X - mean)ᵀ: the loss of a layer whose bias may change.
  ///
  /// With E = W - Q the best bias change is E mean, and what remains of the loss is E H_c Eᵀ with this H_c. A column that
  /// does not vary beyond rounding (2⁻²⁰ of its mean square) is set to zero: the bias can replace it.
  public mutating func center() {
    let columns = mean.count
    let diagonal = hessian.diagonal
    let constant = (0..<columns).map { diagonal[$0] - 2 * mean[$0] * mean[$0] <= 0x1p-20 * diagonal[$0] }
    hessian.upper.withUnsafeMutableBufferPointer { upper in
      var start = 0
      for row in 0..<columns {
        let twice = 2 * mean[row]
        for column in row..<columns {
          let index = start + column - row
          upper[index] = constant[row] || constant[column] ? 0 : upper[index] - twice * mean[column]
        }
        start += columns - row
      }
    }
  }
}
