internal import CKernels
import LinearAlgebra

extension RowSolver {
  /// Refines rows that were solved, up to twice: all scales of a row become the best for its codes, whose codes are looked
  /// for again on the new grid or stay; then coordinate descent on its codes. A row takes a change only if its true loss,
  /// (w - q) H transpose(w - q), falls.
  ///
  /// - Parameters:
  ///   - buffers: codes, scales and losses of the rows, which stay consistent.
  ///   - load: writes the weights to `buffers.weights`.
  func refine(
    _ kernels: RowKernels, _ problem: UnsafePointer<RowProblem>, _ hessian: [Float], tiles: Int, gridSize: Int,
    _ buffers: borrowing TileBuffers, load: () -> Void
  ) {
    let tileSize = Int(problem.pointee.stride) * TileBuffers.rows
    let trial = TileBuffers(
      rows: tiles * TileBuffers.rows, columns: columns, groups: gridSize / TileBuffers.rows,
      groupSize: Int(problem.pointee.group_size))
    var scratch = [Float](repeating: 0, count: kernels_refine_scratch(Int64(columns)))

    // Leaves w - q of the trial in `buffers.weights`.
    func subtractTrial() {
      load()
      for tile in 0..<tiles {
        kernels.subtract_codes(
          problem, buffers.weights + tile * tileSize, trial.scales + tile * gridSize, buffers.lows + tile * gridSize,
          trial.codes + tile * tileSize)
      }
    }
    func acceptTrial() -> Bool {
      accept(trial, into: buffers, tiles: tiles, tileSize: tileSize, gridSize: gridSize)
    }
    func measureTrial() {
      subtractTrial()
      kernels.quadratic_form(problem, buffers.weights, Int64(tiles), trial.losses, trial.scratch)
    }
    for _ in 0..<Self.refinements {
      load()
      refitScales(kernels, problem, hessian, tiles: tiles, gridSize: gridSize, buffers, to: trial.scales, &scratch)
      // The old codes on the new grid.
      trial.codes.update(from: buffers.codes, count: tiles * tileSize)
      measureTrial()
      var changes = acceptTrial()
      load()
      kernels.solve(
        problem, buffers.weights, Int64(tiles), trial.scales, buffers.lows, trial.codes, trial.losses, trial.scratch)
      changes = acceptTrial() || changes

      trial.codes.update(from: buffers.codes, count: tiles * tileSize)
      trial.scales.update(from: buffers.scales, count: tiles * gridSize)
      subtractTrial()
      for tile in 0..<tiles {
        kernels.descend(
          problem, hessian, buffers.weights + tile * tileSize, trial.scales + tile * gridSize,
          trial.codes + tile * tileSize, Self.sweeps, &scratch)
      }
      measureTrial()
      changes = acceptTrial() || changes
      // Another round would try the same again.
      if !changes { break }
    }
  }

  /// Rounds of refinement at most.
  private static var refinements: Int { 2 }
  /// Times that coordinate descent goes over all columns at most.
  private static var sweeps: Int64 { 3 }

  /// The scales of up to 32 rows that a refit of `block` would give, before losses are compared.
  func refittedScales(_ weights: [Float], _ block: RowBlock) -> [Float] {
    precondition(block.rows <= TileBuffers.rows && hessian != nil, "one tile of a solver that refines")
    let kernels = InstructionSet.current.kernels
    let gridSize = block.groups * TileBuffers.rows
    let buffers = TileBuffers(rows: block.rows, columns: columns, groups: block.groups, groupSize: block.groupSize)
    var scratch = [Float](repeating: 0, count: kernels_refine_scratch(Int64(columns)))
    var fitted = [Float](repeating: 0, count: gridSize)
    problem.withPointer { problem in
      kernels.load(problem, weights, Int64(block.rows), buffers.weights)
      buffers.codes.update(repeating: 0, count: Int(problem.pointee.stride) * TileBuffers.rows)
      buffers.lows.update(repeating: 0, count: gridSize)
      buffers.scales.update(repeating: 1, count: gridSize)
      for row in 0..<block.rows {
        for group in 0..<block.groups {
          buffers.scales[group * TileBuffers.rows + row] = block.scales[row * block.groups + group]
          buffers.lows[group * TileBuffers.rows + row] = -Float(block.zeroPoints[row * block.groups + group])
        }
        for column in 0..<columns {
          let position = Int(problem.pointee.position[column])
          buffers.codes[position * TileBuffers.rows + row] = block.codes[row * columns + column]
        }
      }
      refitScales(kernels, problem, hessian!.values, tiles: 1, gridSize: gridSize, buffers, to: &fitted, &scratch)
    }
    return (0..<block.rows * block.groups).map { fitted[$0 % block.groups * TileBuffers.rows + $0 / block.groups] }
  }

  /// Writes to `scales` the best scales for the codes in `buffers`, whose weights are loaded: the least squares solution,
  /// rounded to the stored type. A row keeps its scales where that has no positive finite solution, a group where all of
  /// its codes stand for zero.
  func refitScales(
    _ kernels: RowKernels, _ problem: UnsafePointer<RowProblem>, _ hessian: [Float], tiles: Int, gridSize: Int,
    _ buffers: borrowing TileBuffers, to scales: UnsafeMutablePointer<Float>, _ scratch: inout [Float]
  ) {
    let groups = gridSize / TileBuffers.rows
    let tileSize = Int(problem.pointee.stride) * TileBuffers.rows
    var equations = [Double](repeating: 0, count: groups * (groups + 1) * TileBuffers.rows)
    var (matrix, right) = ([Double](repeating: 0, count: groups * groups), [Double](repeating: 0, count: groups))
    for tile in 0..<tiles {
      let (old, new) = (buffers.scales + tile * gridSize, scales + tile * gridSize)
      new.update(from: old, count: gridSize)
      kernels.normal_equations(
        problem, hessian, buffers.weights + tile * tileSize, buffers.lows + tile * gridSize,
        buffers.codes + tile * tileSize, &equations, &scratch)
      for lane in 0..<TileBuffers.rows {
        for g in 0..<groups {
          let row = g * (groups + 1) * TileBuffers.rows + lane
          for h in g..<groups { matrix[g * groups + h] = equations[row + h * TileBuffers.rows] }
          right[g] = equations[row + groups * TileBuffers.rows]
          if matrix[g * groups + g] == 0 {
            matrix[g * groups + g] = 1
            right[g] = Double(old[g * TileBuffers.rows + lane])
          }
        }
        let solved = NormalEquations.solve(&matrix, right: &right)
        guard solved, right.allSatisfy({ Float($0) > 0 && Float($0).isFinite }) else { continue }
        for g in 0..<groups { new[g * TileBuffers.rows + lane] = scheme.scaleType.rounded(Float(right[g])) }
      }
    }
  }

  /// Takes over the rows that lose less in `trial`; returns whether there are any.
  private func accept(
    _ trial: borrowing TileBuffers, into best: borrowing TileBuffers, tiles: Int, tileSize: Int, gridSize: Int
  ) -> Bool {
    var accepted = false
    for tile in 0..<tiles {
      for lane in 0..<TileBuffers.rows {
        let row = tile * TileBuffers.rows + lane
        guard trial.losses[row] < best.losses[row] else { continue }
        accepted = true
        best.losses[row] = trial.losses[row]
        let (codes, scales) = (tile * tileSize + lane, tile * gridSize + lane)
        for index in stride(from: codes, to: (tile + 1) * tileSize, by: TileBuffers.rows) {
          best.codes[index] = trial.codes[index]
        }
        for index in stride(from: scales, to: (tile + 1) * gridSize, by: TileBuffers.rows) {
          best.scales[index] = trial.scales[index]
        }
      }
    }
    return accepted
  }
}
