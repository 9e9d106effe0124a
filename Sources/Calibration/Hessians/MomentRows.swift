import Graphs
import LinearAlgebra

/// The moments of an input group's columns as they are made from sums, row by row: into any memory, by any threads.
public struct MomentRows: Sendable {
  private let group: InputGroup
  private let sums: ReadStorage<Int64>
  private let scale: SumScale
  private let count: Double

  /// Takes the sums of all ranks; layout as in `HessianSums`.
  ///
  /// - Parameter columnCount: N, the columns of X of all ranks.
  public init(group: InputGroup, sums: ReadStorage<Int64>, scale: SumScale, columnCount: Int) {
    precondition(sums.count == HessianSums.count(group), "\(sums.count) sums for an input group of other size")
    (self.group, self.sums, self.scale, count) = (group, sums, scale, Double(max(columnCount, 1)))
  }

  /// The mean of the columns of X of a Hessian.
  public func mean(hessian index: Int) -> [Double] {
    let (columns, size) = (group.columns, SymmetricMatrix.count(order: group.columns))
    let start = group.groups * size + index * columns
    return sums[start..<start + columns].map { Double($0) / (count * scale.elements) }
  }

  /// Writes H = 2/N X Xᵀ of a Hessian, packed as in `SymmetricMatrix`; with `mean`, about it as by `InputMoments.center`.
  ///
  /// - Parameter part: which of how many equal shares: of processes that share the memory, each writes one.
  public func write(
    hessian index: Int, about mean: [Double]? = nil, to target: UnsafeMutablePointer<Double>, threads: Int,
    part: (index: Int, count: Int) = (0, 1)
  ) {
    let columns = group.columns
    let factor = 2 / (count * scale.products)
    let target = Parallel.Target(target)
    sums.withUnsafeBufferPointer { sums in
      let first = sums.baseAddress! + index * SymmetricMatrix.count(order: columns)
      let center = mean.map { mean in
        Center(mean: mean) { Double(first[SymmetricMatrix.rowStart($0, order: columns)]) * factor }
      }
      let source = Parallel.Target(UnsafeMutablePointer(mutating: first))
      let rows = 16
      let pieces = (columns + rows - 1) / rows
      // Rows get shorter: pieces in turn are nearly equal shares.
      Parallel.forEach((pieces + part.count - 1 - part.index) / part.count, threads: threads) { own in
        let piece = own * part.count + part.index
        for row in piece * rows..<min((piece + 1) * rows, columns) {
          let start = SymmetricMatrix.rowStart(row, order: columns)
          let (sums, line) = (source.base + start, target.base + start)
          for place in 0..<columns - row { line[place] = Double(sums[place]) * factor }
          center?.apply(to: line - row, row: row)
        }
      }
    }
  }

  /// Centers a packed H, see `InputMoments.center`.
  public static func center(_ upper: UnsafeMutablePointer<Double>, mean: [Double], threads: Int) {
    let columns = mean.count
    let center = Center(mean: mean) { upper[SymmetricMatrix.rowStart($0, order: columns)] }
    let target = Parallel.Target(upper)
    let rows = 16
    Parallel.forEach((columns + rows - 1) / rows, threads: threads) { piece in
      for row in piece * rows..<min((piece + 1) * rows, columns) {
        center.apply(to: target.base + (SymmetricMatrix.rowStart(row, order: columns) - row), row: row)
      }
    }
  }

  /// What the mean takes from a row of H.
  private struct Center: Sendable {
    let mean: [Double]
    private let isConstant: [Bool]
    private let constants: [Int]

    /// - Parameter diagonal: H's.
    init(mean: [Double], diagonal: (Int) -> Double) {
      isConstant = mean.indices.map { column in
        let square = diagonal(column)
        return square - 2 * mean[column] * mean[column] <= 0x1p-20 * square
      }
      constants = isConstant.indices.filter { [isConstant] in isConstant[$0] }
      self.mean = mean
    }

    /// - Parameter line: the row, so that its diagonal is at `row`.
    func apply(to line: UnsafeMutablePointer<Double>, row: Int) {
      let columns = mean.count
      if isConstant[row] {
        (line + row).update(repeating: 0, count: columns - row)
        return
      }
      let twice = 2 * mean[row]
      mean.withUnsafeBufferPointer { mean in for column in row..<columns { line[column] -= twice * mean[column] } }
      for column in constants where column > row { line[column] = 0 }
    }
  }
}
