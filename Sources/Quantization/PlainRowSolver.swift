import LinearAlgebra

/// The row solve by plain loops over one row in float64: slow, clear, and what the kernels are tested against.
struct PlainRowSolver {
  let solver: RowSolver
  /// U in processing order, packed.
  let inverse: [Double]

  init(_ solver: RowSolver) {
    self.solver = solver
    inverse = (solver.factor?.inverse ?? []).map { Double($0) }
  }

  func solve(_ weights: UnsafeBufferPointer<Float>, rows: Int) -> RowBlock {
    let columns = solver.columns
    var block = RowBlock(rows: rows, columns: columns, scheme: solver.scheme, energies: solver.measuresEnergy)
    let inverted = solver.method == .obq ? invertedHessian() : []
    for row in 0..<rows {
      var natural = [Float](weights[row * columns..<(row + 1) * columns])
      if let factor = solver.factor { for dead in factor.deadColumns { natural[dead] = 0 } }
      let grids = grids(natural)
      for (group, grid) in grids.enumerated() {
        block.scales[row * block.groups + group] = grid.scale
        block.zeroPoints[row * block.groups + group] = UInt8(grid.zeroPoint)
      }
      var values = natural.map { Double($0) }
      if solver.measuresEnergy { block.energies[row] = quadraticForm(values) }
      if solver.method == .obq {
        for column in 0..<columns {
          block.codes[row * columns + column] = block.zeroPoints[row * block.groups + column / block.groupSize]
        }
        block.losses[row] = greedySweep(values, inverted: inverted, grids: grids, groupSize: block.groupSize) {
          block.codes[row * columns + $0] = UInt8($1)
        }
        continue
      }
      var residual = values
      block.losses[row] = sweep(&values) { column, value in
        let grid = grids[column / block.groupSize]
        let code = grid.code(value, solver.scheme)
        block.codes[row * columns + column] = UInt8(code)
        let quantized = Double(code - grid.zeroPoint) * Double(grid.scale)
        residual[column] -= quantized
        return quantized
      }
      if solver.method == .round { block.losses[row] = quadraticForm(residual) }
    }
    return block
  }

  private func grids(_ row: [Float]) -> [PlainGrid] {
    if let grid = solver.tensorGrid { return [PlainGrid(scale: grid.scale, zeroPoint: Int(grid.zeroPoint))] }
    let size = solver.scheme.groupSize(columns: solver.columns)
    return stride(from: 0, to: solver.columns, by: size).map { start in
      let end = min(start + size, solver.columns)
      return PlainGrid.search(
        [Float](row[start..<end]),
        curvature: [Float](solver.factor?.columnWeights(for: solver.grid)[start..<end] ?? []),
        scheme: solver.scheme, search: solver.grid)
    }
  }

  /// x H transpose(x): a sweep that quantizes everything to zero.
  private func quadraticForm(_ row: [Double]) -> Double {
    guard solver.factor != nil else { return row.reduce(0) { $0 + $1 * $1 } }
    var row = row
    return sweep(&row, compensates: true) { _, _ in 0 }
  }

  /// Quantizes columns in processing order; returns the sum of ((w_j - Q(w_j)) / U_jj)^2 in the units of H.
  private func sweep(
    _ row: inout [Double], compensates: Bool? = nil, quantize: (Int, Double) -> Double
  ) -> Double {
    let compensates = compensates ?? (solver.method == .compensate)
    guard let factor = solver.factor else {
      return row.indices.reduce(0) { sum, j in
        let error = row[j] - quantize(j, row[j])
        return sum + error * error
      }
    }
    var loss = 0.0
    for k in 0..<factor.columns {
      let column = Int(factor.order[k])
      let pivot = SymmetricMatrix.rowStart(k, order: factor.columns)
      let error = (row[column] - quantize(column, row[column])) / inverse[pivot]
      loss += error * error
      guard compensates else { continue }
      // w[later] -= e U[k, later]
      for later in k + 1..<max(factor.columns, k + 1) {
        row[Int(factor.order[later])] -= error * inverse[pivot + later - k]
      }
    }
    return loss * factor.unit
  }

  static func tensorGrid(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, scheme: QuantizationScheme, grid: GridSearch,
    curvature: [Float]
  ) -> PlainGrid {
    let values = [Float](weights)
    let live = values.indices.filter { curvature.isEmpty || curvature[$0 % columns] > 0 }
    let low = live.reduce(Float(0)) { min($0, values[$1]) }
    let high = live.reduce(Float(0)) { max($0, values[$1]) }
    var candidates = PlainGrid.Candidates(
      base: PlainGrid.range(low: low, high: high, scheme: scheme), scheme: scheme, search: grid)
    for row in 0..<rows {
      var row = [Float](values[row * columns..<(row + 1) * columns])
      for column in row.indices where !curvature.isEmpty && curvature[column] == 0 { row[column] = 0 }
      candidates.add(row, curvature: curvature)
    }
    return candidates.best
  }
}
