import Graphs
import LinearAlgebra

/// The moments of an input group's columns as they are made from sums, row by row: into any memory, by any threads.
public struct MomentRows: Sendable {
  private let group: InputGroup
  private let sums: [Int64]
  private let scale: SumScale
  private let count: Double

  /// Takes the sums of all ranks; layout as in `HessianSums`.
  ///
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public init(group: InputGroup, sums: [Int64], scale: SumScale, columnCount: Int) {
    precondition(sums.count == HessianSums.count(group), "\(sums.count) sums for an input group of other size")
    (self.group, self.sums, self.scale, count) = (group, sums, scale, Double(max(columnCount, 1)))
  }

  /// The mean of the columns of X of a Hessian.
  public func mean(hessian index: Int) -> [Double] {
    let (columns, size) = (group.columns, SymmetricMatrix.count(order: group.columns))
    let start = group.groups * size + index * columns
    return sums[start..<start + columns].map { Double($0) / (count * scale.elements) }
  }

  /// Writes H = 2/N X Xᵀ of a Hessian, packed as in `SymmetricMatrix`.
  public func write(hessian index: Int, to target: UnsafeMutablePointer<Double>, threads: Int) {
    let size = SymmetricMatrix.count(order: group.columns)
    let factor = 2 / (count * scale.products)
    let target = Parallel.Target(target)
    sums.withUnsafeBufferPointer { sums in
      let source = Parallel.Target(UnsafeMutablePointer(mutating: sums.baseAddress! + index * size))
      Parallel.forEachPiece(size, threads: threads) { range in
        let (sums, upper) = (source.base, target.base)
        for place in range { upper[place] = Double(sums[place]) * factor }
      }
    }
  }

  /// Centers a packed H, see `InputMoments.center`.
  public static func center(_ upper: UnsafeMutablePointer<Double>, mean: [Double], threads: Int) {
    let columns = mean.count
    let constant = (0..<columns).map { column in
      let square = upper[SymmetricMatrix.rowStart(column, order: columns)]
      return square - 2 * mean[column] * mean[column] <= 0x1p-20 * square
    }
    let constants = constant.indices.filter { constant[$0] }
    let target = Parallel.Target(upper)
    let rows = 16
    Parallel.forEach((columns + rows - 1) / rows, threads: threads) { piece in
      mean.withUnsafeBufferPointer { mean in
        for row in piece * rows..<min((piece + 1) * rows, columns) {
          let line = target.base + (SymmetricMatrix.rowStart(row, order: columns) - row)
          if constant[row] {
            (line + row).update(repeating: 0, count: columns - row)
            continue
          }
          let twice = 2 * mean[row]
          for column in row..<columns { line[column] -= twice * mean[column] }
          for column in constants where column > row { line[column] = 0 }
        }
      }
    }
  }
}
