import LinearAlgebra

/// Quantizes rows of a matrix, each independent of the others.
///
/// The result of a row depends on its weights and the solver, never on which other rows are in the call, so rows may be
/// cut among ranks and threads in any way. A solver never changes; any number of threads may call it at once.
///
/// Grids are fixed from the original weights, per natural group of columns. Then, for column j in processing order
/// (`Method.compensate`): e = (w_j - Q(w_j)) / U_jj and w_k -= e U_jk for the columns k behind j. The loss of a row,
/// (w - q) H transpose(w - q), is the sum of e^2.
///
/// With `Method.obq` each row has an inverse Hessian of its own and quantizes, of its free columns, the one that costs
/// least: C^3 / 6 multiplications a row instead of C^2 / 2. Each call at work then holds two inverses of C^2 / 2 floats,
/// whatever its number of rows.
///
/// A code is the float32 quotient w / scale, correctly rounded by a division, then rounded half to even: it differs from
/// that of exact arithmetic only within 2^-24 of a tie, relatively. Rows are float32, losses are added in float64.
public struct RowSolver: Sendable {
  /// What the rows share; nil for plain rounding without a Hessian.
  public let factor: SharedFactor?
  /// Number of columns of a row.
  public let columns: Int
  /// What codes look like.
  public let scheme: QuantizationScheme
  /// How grids are chosen.
  public let grid: GridSearch
  /// How codes are chosen.
  public let method: Method
  /// How hard codes are looked for, for `Method.compensate`.
  public let effort: Effort
  /// The grid of the whole matrix, for `Granularity.tensor`.
  public let tensorGrid: TensorGrid?
  /// Whether `RowBlock.energies` is filled; it costs as much as a solve.
  public let measuresEnergy: Bool
  let problem: KernelProblem
  /// For solves that refine.
  let hessian: DenseHessian?

  /// Makes a solver for rows that share `factor`.
  ///
  /// - Parameter tensorGrid: needed exactly when the granularity is `tensor`, see `tensorGrid(weights:...)`.
  public init(
    factor: SharedFactor, scheme: QuantizationScheme, grid: GridSearch, method: Method = .compensate,
    effort: Effort = .fast, tensorGrid: TensorGrid? = nil, measuresEnergy: Bool = true
  ) {
    self.init(
      factor: factor, columns: factor.columns, scheme: scheme, grid: grid, method: method, effort: effort,
      tensorGrid: tensorGrid, measuresEnergy: measuresEnergy)
  }

  /// Makes a solver that rounds to the nearest point without a Hessian; losses are squared errors.
  public init(
    roundingColumns columns: Int, scheme: QuantizationScheme, grid: GridSearch, tensorGrid: TensorGrid? = nil,
    measuresEnergy: Bool = true
  ) {
    self.init(
      factor: nil, columns: columns, scheme: scheme, grid: grid, method: .round, effort: .fast,
      tensorGrid: tensorGrid, measuresEnergy: measuresEnergy)
  }

  private init(
    factor: SharedFactor?, columns: Int, scheme: QuantizationScheme, grid: GridSearch, method: Method,
    effort: Effort, tensorGrid: TensorGrid?, measuresEnergy: Bool
  ) {
    precondition(columns > 0, "rows of \(columns) columns")
    precondition(
      (scheme.granularity == .tensor) == (tensorGrid != nil), "a tensor grid belongs to the granularity tensor")
    precondition(
      tensorGrid == nil || Int(tensorGrid!.zeroPoint) <= scheme.largestCode, "a zero point above the largest code")
    (self.factor, self.columns, self.scheme, self.grid) = (factor, columns, scheme, grid)
    (self.method, self.effort) = (method, effort)
    (self.tensorGrid, self.measuresEnergy) = (tensorGrid, measuresEnergy)
    problem = KernelProblem(
      columns: columns, factor: factor, curvature: factor?.columnWeights(for: grid), scheme: scheme, search: grid,
      groupSize: scheme.groupSize(columns: columns), beams: effort.beams)
    let refines = method == .compensate && effort.refines && tensorGrid == nil
    hessian = refines ? factor.map { DenseHessian($0) } : nil
  }

  /// Quantizes `rows` rows.
  ///
  /// - Parameter weights: rows x columns, row after row, in the natural column order.
  /// - Throws: `QuantizationError.weightNotFinite`, its row counted from the first of `weights`.
  public func solve(weights: UnsafeBufferPointer<Float>, rows: Int) throws(QuantizationError) -> RowBlock {
    precondition(weights.count == rows * columns, "\(weights.count) weights are not \(rows) x \(columns)")
    try Self.checkFinite(weights, columns: columns)
    return solveByKernels(weights, rows: rows, instructionSet: .current)
  }

  /// Quantizes rows by OBQ with another number of downdates applied at once: for measurements.
  package func solve(
    weights: UnsafeBufferPointer<Float>, rows: Int, downdatesAtOnce: Int
  ) throws(QuantizationError) -> RowBlock {
    precondition(weights.count == rows * columns, "\(weights.count) weights are not \(rows) x \(columns)")
    try Self.checkFinite(weights, columns: columns)
    return solveByKernels(weights, rows: rows, instructionSet: .current, downdatesAtOnce: downdatesAtOnce)
  }

  /// The one grid for a whole matrix.
  ///
  /// - Parameters:
  ///   - weights: all of its rows, rows x columns, row after row, in the natural column order.
  ///   - curvature: weights of the columns for a search that weighs them (`SharedFactor.columnWeights`); nil for all ones.
  /// - Throws: `QuantizationError.weightNotFinite`.
  public static func tensorGrid(
    weights: UnsafeBufferPointer<Float>, rows: Int, columns: Int, scheme: QuantizationScheme, grid: GridSearch,
    curvature: [Float]? = nil
  ) throws(QuantizationError) -> TensorGrid {
    precondition(weights.count == rows * columns, "\(weights.count) weights are not \(rows) x \(columns)")
    precondition(curvature == nil || curvature!.count == columns, "a curvature for each of \(columns) columns")
    try checkFinite(weights, columns: columns)
    let best = tensorGridByKernels(
      weights, rows: rows, columns: columns, scheme: scheme, grid: grid, curvature: curvature, instructionSet: .current)
    return TensorGrid(scale: best.scale, zeroPoint: UInt8(best.zeroPoint))
  }

  static func checkFinite(_ weights: UnsafeBufferPointer<Float>, columns: Int) throws(QuantizationError) {
    // A product with zero is NaN exactly where a weight is not finite; one pass that vectorizes per row.
    for start in stride(from: 0, to: weights.count, by: columns) {
      let row = UnsafeBufferPointer(rebasing: weights[start..<start + columns])
      var bits: UInt32 = 0
      for weight in row { bits |= (weight * 0).bitPattern }
      if bits & 0x7FFF_FFFF != 0, let column = row.firstIndex(where: { !$0.isFinite }) {
        throw .weightNotFinite(row: start / columns, column: column, value: row[column])
      }
    }
  }
}
