import LinearAlgebra

extension PlainRowSolver {
  /// The damped inverse Hessian, C x C in processing order, in units of the factor's.
  func invertedHessian() -> [Double] {
    guard let factor = solver.factor else { return [] }
    let n = factor.columns
    var result = [Double](repeating: 0, count: n * n)
    for k in 0..<n {
      let start = SymmetricMatrix.rowStart(k, order: n) - k
      for i in k..<n { for j in k..<n { result[i * n + j] += inverse[start + i] * inverse[start + j] } }
    }
    return result
  }

  /// Exact OBQ of one row (arXiv:2208.11580, the rules of its published program): among the free columns take the one with
  /// the least (w_j - Q(w_j))^2 / [inverse(H)]_jj; but where a weight lies more than half a step outside its grid, and the
  /// weight that would be taken is not zero, take of these the one with the largest error. Then, with d = [inverse(H)]_jj,
  ///
  ///     w -= (w_j - Q(w_j)) / d * [inverse(H)]_j,:      inverse(H) -= [inverse(H)]_:,j [inverse(H)]_j,: / d
  ///
  /// - Parameters:
  ///   - row: the weights in the natural order.
  ///   - inverted: see `invertedHessian`; the row's own from here on.
  ///   - grids: one per group.
  ///   - store: called once for each live column with its code.
  /// - Returns: the loss, the sum of (w_j - Q(w_j))^2 / d.
  func greedySweep(
    _ row: [Double], inverted: [Double], grids: [PlainGrid], groupSize: Int, store: (Int, Int) -> Void
  ) -> Double {
    let factor = solver.factor!
    let n = factor.columns
    var (inverted, loss) = (inverted, 0.0)
    var weights = factor.order.map { row[Int($0)] }
    var free = (0..<n).filter { factor.curvature[Int(factor.order[$0])] > 0 }
    while !free.isEmpty {
      var (best, clipped) = (free[0], -1)
      var (leastScore, largestError) = (Double.infinity, 0.0)
      for k in free {
        let grid = grids[Int(factor.order[k]) / groupSize]
        let error = abs(weights[k] - grid.quantized(weights[k], solver.scheme))
        let score = error * error / inverted[k * n + k]
        if score < leastScore { (best, leastScore) = (k, score) }
        // In float32, as in `PlainGrid.code`: the extreme weight of a symmetric min-max grid is half a step outside it.
        let steps = Float(weights[k] / Double(grid.scale))
        let low = Float(-grid.zeroPoint)
        if steps < low - 0.5 || steps > low + Float(solver.scheme.largestCode) + 0.5, error > largestError {
          (clipped, largestError) = (k, error)
        }
      }
      let k = clipped >= 0 && weights[best] != 0 ? clipped : best
      let column = Int(factor.order[k])
      let grid = grids[column / groupSize]
      store(column, grid.code(weights[k], solver.scheme))
      let error = weights[k] - grid.quantized(weights[k], solver.scheme)
      free.removeAll { $0 == k }
      let line = [Double](inverted[k * n..<(k + 1) * n])
      loss += error * error / line[k]
      for i in free {
        weights[i] -= error / line[k] * line[i]
        for j in free { inverted[i * n + j] -= line[i] * line[j] / line[k] }
      }
    }
    return loss * factor.unit
  }
}
