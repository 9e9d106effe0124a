internal import CKernels

extension RowSolver {
  /// The solve by the kernels of `instructionSet`.
  ///
  /// - Parameters:
  ///   - downdatesAtOnce: of OBQ; another number gives other roundings of the same method, and another speed.
  ///   - refines: whether an effort that refines does.
  func solveByKernels(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, instructionSet: InstructionSet,
    downdatesAtOnce: Int = Int(kernels_obq_block), refines: Bool = true
  ) -> RowBlock {
    var block = RowBlock(rows: rows, columns: columns, scheme: scheme, energies: measuresEnergy)
    guard rows > 0, let weights = weights.baseAddress else { return block }
    let buffers = TileBuffers(rows: rows, columns: columns, groups: block.groups, groupSize: block.groupSize)
    let kernels = instructionSet.kernels
    let greedy =
      method == .obq ? GreedyBuffers(problem, columns: columns, block: downdatesAtOnce, kernels: kernels) : nil
    problem.withPointer { problem in
      for start in stride(from: 0, to: rows, by: buffers.tiles * TileBuffers.rows) {
        let count = min(rows - start, buffers.tiles * TileBuffers.rows)
        run(
          kernels, problem, weights + start * columns, rows: count, groups: block.groups, buffers, greedy,
          refines: refines)
        copy(kernels, problem, buffers, rows: count, to: &block, at: start)
      }
    }
    return block
  }

  /// Quantizes up to `buffers.tiles` tiles into `buffers`.
  private func run(
    _ kernels: RowKernels, _ problem: UnsafePointer<RowProblem>, _ weights: UnsafePointer<Float>, rows: Int,
    groups: Int, _ buffers: borrowing TileBuffers, _ greedy: GreedyBuffers?,
    refines: Bool
  ) {
    let tiles = (rows + TileBuffers.rows - 1) / TileBuffers.rows
    let tileSize = Int(problem.pointee.stride) * TileBuffers.rows
    let gridSize = groups * TileBuffers.rows
    func load() {
      for tile in 0..<tiles {
        let first = tile * TileBuffers.rows
        kernels.load(
          problem, weights + first * columns, Int64(min(rows - first, TileBuffers.rows)),
          buffers.weights + tile * tileSize)
      }
    }
    load()
    for tile in 0..<tiles {
      let (scales, lows) = (buffers.scales + tile * gridSize, buffers.lows + tile * gridSize)
      if let tensorGrid {
        scales.update(repeating: tensorGrid.scale, count: gridSize)
        lows.update(repeating: -Float(tensorGrid.zeroPoint), count: gridSize)
      } else {
        kernels.find_grids(problem, buffers.weights + tile * tileSize, scales, lows, buffers.scratch)
      }
    }
    if factor != nil && measuresEnergy {
      kernels.quadratic_form(problem, buffers.weights, Int64(tiles), buffers.energies, buffers.scratch)
      load()
    }
    switch method {
    case .compensate:
      if !effort.stepFactors.isEmpty && tensorGrid == nil {
        chooseSteps(kernels, problem, tiles: tiles, gridSize: gridSize, buffers, load: load)
        load()
      }
      kernels.solve(
        problem, buffers.weights, Int64(tiles), buffers.scales, buffers.lows, buffers.codes, buffers.losses,
        buffers.scratch)
      if refines, let hessian {
        refine(kernels, problem, hessian.values, tiles: tiles, gridSize: gridSize, buffers, load: load)
      }
    case .obq:
      for tile in 0..<tiles {
        kernels.obq(
          problem, buffers.weights + tile * tileSize, Int64(min(rows - tile * TileBuffers.rows, TileBuffers.rows)),
          buffers.scales + tile * gridSize, buffers.lows + tile * gridSize, greedy!.shared, Int64(greedy!.block),
          greedy!.inverse, buffers.codes + tile * tileSize, greedy!.scratch)
      }
      kernels.quadratic_form(problem, buffers.weights, Int64(tiles), buffers.losses, buffers.scratch)
    case .round:
      withUnsafeTemporaryAllocation(of: Double.self, capacity: TileBuffers.rows) { squares in
        for tile in 0..<tiles {
          // Squared weights are energies where there is no Hessian.
          let energies = factor == nil ? buffers.energies + tile * TileBuffers.rows : squares.baseAddress!
          kernels.round(
            problem, buffers.weights + tile * tileSize, buffers.scales + tile * gridSize,
            buffers.lows + tile * gridSize, buffers.codes + tile * tileSize,
            buffers.losses + tile * TileBuffers.rows, energies)
        }
      }
      if factor != nil {
        kernels.quadratic_form(problem, buffers.weights, Int64(tiles), buffers.losses, buffers.scratch)
      }
    }
  }

  /// Leaves in `buffers.scales`, for each row, the searched scales times the factor (1 or one of the effort's) with which a
  /// search by 8 roundings loses least; the first of equals wins.
  private func chooseSteps(
    _ kernels: RowKernels, _ problem: UnsafePointer<RowProblem>, tiles: Int, gridSize: Int,
    _ buffers: borrowing TileBuffers, load: () -> Void
  ) {
    var trial = problem.pointee
    trial.beams = 8
    let count = tiles * gridSize
    let searched = [Float](UnsafeBufferPointer(start: buffers.scales, count: count))
    var best = searched
    var losses = [Double](repeating: .infinity, count: tiles * TileBuffers.rows)
    for factor in [1] + effort.stepFactors {
      for index in 0..<count { buffers.scales[index] = scheme.scaleType.rounded(searched[index] * factor) }
      if factor != 1 { load() }
      kernels.solve(
        &trial, buffers.weights, Int64(tiles), buffers.scales, buffers.lows, buffers.codes, buffers.losses,
        buffers.scratch)
      for index in 0..<count {
        // Scales are tiles x groups x 32 rows.
        let row = index / gridSize * TileBuffers.rows + index % TileBuffers.rows
        if buffers.losses[row] < losses[row] { best[index] = buffers.scales[index] }
      }
      for row in losses.indices { losses[row] = min(losses[row], buffers.losses[row]) }
    }
    buffers.scales.update(from: best, count: count)
  }

  /// Copies what `run` left in `buffers` to rows `start` ..< start + rows of `block`.
  private func copy(
    _ kernels: RowKernels, _ problem: UnsafePointer<RowProblem>, _ buffers: borrowing TileBuffers, rows: Int,
    to block: inout RowBlock, at start: Int
  ) {
    let unit = factor?.unit ?? 1
    let tileSize = Int(problem.pointee.stride) * TileBuffers.rows
    let (codes, groups) = (buffers.codes, block.groups)
    block.codes.withUnsafeMutableBufferPointer { target in
      for first in stride(from: 0, to: rows, by: TileBuffers.rows) {
        kernels.store(
          problem, codes + first / TileBuffers.rows * tileSize, Int64(min(rows - first, TileBuffers.rows)),
          target.baseAddress! + (start + first) * columns)
      }
    }
    for row in 0..<rows {
      let (tile, lane) = row.quotientAndRemainder(dividingBy: TileBuffers.rows)
      for group in 0..<groups {
        let source = (tile * groups + group) * TileBuffers.rows + lane
        block.scales[(start + row) * groups + group] = buffers.scales[source]
        block.zeroPoints[(start + row) * groups + group] = UInt8(-buffers.lows[source])
      }
      block.losses[start + row] = buffers.losses[row] * unit
      if measuresEnergy { block.energies[start + row] = buffers.energies[row] * unit }
    }
  }

  /// The search of a grid for a whole matrix by the kernels of `instructionSet`.
  static func tensorGridByKernels(
    _ weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, scheme: QuantizationScheme, grid: GridSearch,
    curvature: [Float]?, instructionSet: InstructionSet
  ) -> PlainGrid {
    var (low, high) = (Float(0), Float(0))
    for start in stride(from: 0, to: weights.count, by: columns) {
      for (column, weight) in weights[start..<start + columns].enumerated() where curvature?[column] != 0 {
        (low, high) = (min(low, weight), max(high, weight))
      }
    }
    let base = PlainGrid.range(low: low, high: high, scheme: scheme)
    // Runs of 256 columns are summed in float32, all others in float64.
    let problem = KernelProblem(
      columns: columns, factor: nil, curvature: curvature, scheme: scheme, search: grid, groupSize: min(columns, 256))
    var errors = [Double](repeating: 0, count: problem.candidates)
    if problem.candidates > 1, let source = weights.baseAddress {
      let buffers = TileBuffers(rows: 1, columns: columns, groups: 1, groupSize: columns)
      let kernels = instructionSet.kernels
      problem.withPointer { problem in
        for first in stride(from: 0, to: rows, by: TileBuffers.rows) {
          let count = Int64(min(rows - first, TileBuffers.rows))
          kernels.load(problem, source + first * columns, count, buffers.weights)
          kernels.grid_errors(
            problem, buffers.weights, base.scale, -Float(base.zeroPoint), &errors, buffers.scratch)
        }
      }
    }
    var best = 0
    for index in errors.indices where errors[index] < errors[best] { best = index }
    return problem.candidate(best, around: base)
  }
}
