import Graphs
import LinearAlgebra

/// Second and first moments of D = X - X̃, what a layer's inputs in the float network have over those in the quantized
/// one, for one Hessian of an input group: made from sums row by row, by any threads.
public struct CrossMoments: Sendable {
  /// Columns C of the group.
  public let columns: Int
  /// The mean of the columns of D.
  public let mean: [Double]
  private let sums: ReadStorage<Int64>
  private let start: Int
  private let factor: Double
  /// The means of X̃, and the columns that become zero, where D X̃ᵀ is to be about the means.
  private var center: (mean: [Double], constants: [Int])?

  /// The moments of each Hessian of `group` from the sums of all ranks; layout as in `CrossSums`.
  ///
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public static func moments(
    of group: InputGroup, sums: ReadStorage<Int64>, scale: SumScale, columnCount: Int
  ) -> [CrossMoments] {
    (0..<group.groups).map { CrossMoments(of: group, $0, sums: sums, scale: scale, columnCount: columnCount) }
  }

  /// The moments of Hessian `index` of `group` from the sums of all ranks; layout as in `CrossSums`.
  ///
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public init(
    of group: InputGroup, _ index: Int, sums: ReadStorage<Int64>, scale: SumScale, columnCount: Int
  ) {
    precondition(sums.count == CrossSums.count(group), "\(sums.count) sums for an input group of other size")
    let (columns, size) = (group.columns, group.columns * group.columns)
    let count = Double(max(columnCount, 1))
    let first = group.groups * size + index * columns
    (self.columns, self.sums, start) = (columns, sums, index * size)
    factor = 2 / (count * scale.products)
    mean = sums[first..<first + columns].map { Double($0) / (count * scale.elements) }
  }

  /// Replaces D X̃ᵀ by (D - mean)(X̃ - mean)ᵀ, for layers whose bias takes up the means.
  ///
  /// - Parameters:
  ///   - mean: that of X̃.
  ///   - constants: the columns that `InputMoments.center()` calls constant become zero.
  public mutating func center(about mean: [Double], constants: [Int]) { center = (mean, constants) }

  /// Writes a row of 2/N D X̃ᵀ: that of a column of D.
  public func write(row: Int, to target: UnsafeMutablePointer<Double>) {
    sums.withUnsafeBufferPointer { sums in
      let source = sums.baseAddress! + start + row * columns
      for column in 0..<columns { target[column] = Double(source[column]) * factor }
    }
    guard let center else { return }
    let twice = 2 * mean[row]
    center.mean.withUnsafeBufferPointer { mean in
      for column in 0..<columns { target[column] -= twice * mean[column] }
    }
    for column in center.constants { target[column] = 0 }
  }

  /// 2/N D X̃ᵀ in float64, columns x columns, row-major.
  public var product: [Double] {
    [Double](unsafeUninitializedCapacity: columns * columns) { product, count in
      for row in 0..<columns { write(row: row, to: product.baseAddress! + row * columns) }
      count = columns * columns
    }
  }
}
