import Graphs
import LinearAlgebra
import Testing

@testable import Calibration

@Suite("Rows of moments")
struct MomentRowsTests {
  @Test(
    "shares of several processes make the same H as one, about the mean or not", arguments: [1, 3, 7], [false, true])
  func shares(count: Int, isCentered: Bool) {
    let columns = 53
    let group = InputGroup(input: 0, unfolding: nil, columns: columns, layers: [0])
    // Column 5 is constant: its square is the square of its mean.
    let sums = (0..<HessianSums.count(group)).map { Int64(($0 * 7919) % 100_003 + 1 << 20) }
    let rows = MomentRows(
      group: group, sums: ReadStorage(sums), scale: SumScale(bound: 1, chunkCount: 1, columnCount: 100),
      columnCount: 100)
    let mean = rows.mean(hessian: 0)
    func matrix(_ body: (UnsafeMutablePointer<Double>) -> Void) -> [Double] {
      var upper = [Double](repeating: .nan, count: SymmetricMatrix.count(order: columns))
      upper.withUnsafeMutableBufferPointer { body($0.baseAddress!) }
      return upper
    }
    let whole = matrix { upper in
      rows.write(hessian: 0, to: upper, threads: 1)
      if isCentered { MomentRows.center(upper, mean: mean, threads: 1) }
    }
    let inShares = matrix { upper in
      for index in 0..<count {
        rows.write(
          hessian: 0, about: isCentered ? mean : nil, to: upper, threads: 2, part: (index: index, count: count))
      }
    }
    #expect(inShares == whole && !whole.contains { $0.isNaN })
  }
}
