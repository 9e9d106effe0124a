import Graphs
import LinearAlgebra
import MPI
import Quantization

/// The rows of one stage's layers, ready to be solved by any number of variants.
struct StageSolve {
  /// What the ranks' rows come to, one after the other in line order.
  struct Rows {
    /// Loss on the calibration inputs, on those held out, and predicted loss, of each row in turn.
    var losses: [Double]
    var codes: [UInt8]
    var scales: [Float]
    var zeroPoints: [UInt8]
  }

  /// The stage's layers (indices of the source's), in line order.
  let members: [Int]
  private let source: any LayerSource
  private let partition: RowPartition
  /// By place in the line: the matrix, the losses by Hessian, whether the bias may change.
  private let matrices: [[Float]]
  private let losses: [[RowLosses]]
  private let hasBias: [Bool]
  /// By place in the line: the mean of the calibration inputs, for each Hessian its columns; empty where the bias stays.
  let means: [[Double]]
  private let threads: Int

  /// Prepares a stage; `heldOut` is nil if nothing is held out.
  init(
    _ source: any LayerSource, stage: Stage, calibration: StageMoments, heldOut: StageMoments?, ranks: Int, threads: Int
  ) {
    self.source = source
    self.threads = threads
    members = stage.inputGroups.flatMap(\.layers)
    partition = RowPartition(
      layers: members.map {
        let layer = source.layers[$0]
        return RowPartition.LayerShape(rows: layer.rows, columns: layer.columns, groups: layer.groups)
      }, ranks: ranks)
    matrices = members.map { source.matrix($0) }
    let byGroup = stage.inputGroups.indices.map { group in
      calibration.groups[group].indices.map { hessian in
        RowLosses(calibration: calibration.groups[group][hessian], heldOut: heldOut?.groups[group][hessian])
      }
    }
    losses = zip(stage.inputGroups, byGroup).flatMap { group, losses in group.layers.map { _ in losses } }
    let hasBias = stage.inputGroups.flatMap { group in group.layers.map { _ in source.hasBiases(group) } }
    self.hasBias = hasBias
    let groupMeans = zip(stage.inputGroups, calibration.groups).flatMap { group, moments in
      group.layers.map { _ in moments.flatMap(\.mean) }
    }
    means = zip(hasBias, groupMeans).map { $0 ? $1 : [] }
  }

  /// What a variant makes of the rows, gathered on every rank. Collective.
  ///
  /// - Parameters:
  ///   - planned: the layers under the variant's scheme, in line order.
  ///   - factors: for each layer of the line its factors, one per Hessian.
  ///   - keepsCodes: whether codes, scales and zero points are gathered.
  ///   - times: what it took on this rank is added.
  func solve(
    _ variant: CompareVariant, planned: [PlannedLayer], factors: [[SharedFactor]], keepsCodes: Bool,
    times: inout VariantTimes, _ world: borrowing Communicator
  ) throws -> Rows {
    let ranges = partition.pieces[world.rank]
    let parts = Self.cut(ranges, rows: threads == 1 ? 1024 : 128)
    var elapsed = VariantTimes()
    let (own, blocks) = try world.collectively { () throws -> ([Double], [RowBlock]) in
      let blocks = try solveParts(variant, parts, planned, factors, &elapsed)
      return (measure(variant, parts, blocks, planned, factors), blocks)
    }
    times.solveProcessor += elapsed.solveProcessor
    times.solveWall += elapsed.solveWall
    // Every rank knows how many rows the others have.
    func gathered<Element: MPIElement>(_ own: [Element], perRow: (PlannedLayer) -> Int) throws -> [Element] {
      let counts = partition.pieces.map { piece in
        piece.reduce(0) { $0 + $1.rows.count * perRow(planned[$1.layer]) }
      }
      var all = [Element](repeating: .zero, count: counts.reduce(0, +))
      var span = all.mutableSpan
      try world.allGatherv(own.span, into: &span, counts: counts, waiting: .polite)
      return all
    }
    let losses = try gathered(own) { _ in 3 }
    guard keepsCodes else { return Rows(losses: losses, codes: [], scales: [], zeroPoints: []) }
    return Rows(
      losses: losses, codes: try gathered(blocks.flatMap(\.codes)) { $0.layer.columns },
      scales: try gathered(blocks.flatMap(\.scales)) { $0.scheme.groupCount(columns: $0.layer.columns) },
      zeroPoints: try gathered(blocks.flatMap(\.zeroPoints)) { $0.scheme.groupCount(columns: $0.layer.columns) })
  }

  /// The mean square of each layer's outputs about their mean on the calibration inputs, over the inputs held out: what
  /// losses are relative to. Collective.
  func signals(_ world: borrowing Communicator) throws -> [Double] {
    let tiles = Self.cut(partition.pieces[world.rank], rows: RowPartition.tileRows)
    let own = Parallel.map(tiles.count, threads: threads) { index -> [Double] in
      let tile = tiles[index]
      let columns = source.layers[members[tile.layer]].columns
      let weights = matrices[tile.layer][tile.rows.lowerBound * columns..<tile.rows.upperBound * columns]
      return losses[tile.layer][tile.hessian].losses(of: weights.map(Double.init), correctsBias: true).heldOut
    }.flatMap { $0 }
    return sums(try world.allGatherv(own.span, waiting: .polite).elements, width: 1).map { $0[0] }
  }

  /// Sums over the rows of each layer of the line, of `width` numbers per row.
  func sums(_ rows: [Double], width: Int) -> [[Double]] {
    var next = 0
    return members.map { member in
      var sums = [Double](repeating: 0, count: width)
      for _ in 0..<source.layers[member].rows {
        for index in 0..<width { sums[index] += rows[next + index] }
        next += width
      }
      return sums
    }
  }

  /// Ranges cut into parts of at most `rows` rows, a multiple of a tile.
  private static func cut(_ ranges: [RowRange], rows: Int) -> [RowRange] {
    ranges.flatMap { range in
      stride(from: range.rows.lowerBound, to: range.rows.upperBound, by: rows).map { start in
        RowRange(layer: range.layer, hessian: range.hessian, rows: start..<min(start + rows, range.rows.upperBound))
      }
    }
  }

  private func solveParts(
    _ variant: CompareVariant, _ parts: [RowRange], _ planned: [PlannedLayer], _ factors: [[SharedFactor]],
    _ times: inout VariantTimes
  ) throws -> [RowBlock] {
    let start = ContinuousClock.now
    let begin = ThreadClock.seconds
    let lines = Array(Set(parts.map(\.layer))).sorted()
    var grids: [Int: TensorGrid] = [:]
    for line in lines {
      do throws(QuantizationError) {
        grids[line] = try planned[line].tensorGrid(matrix: matrices[line], factors: factors[line], grid: variant.grid)
      } catch { throw CoordinationError.layer(name: planned[line].layer.name, reason: error.description) }
    }
    let shared = ThreadClock.seconds - begin
    var solvers: [[Int]: RowSolver] = [:]
    let beginSolvers = ThreadClock.seconds
    for part in parts where solvers[[part.layer, part.hessian]] == nil {
      solvers[[part.layer, part.hessian]] = RowSolver(
        factor: factors[part.layer][part.hessian], scheme: planned[part.layer].scheme, grid: variant.grid,
        method: variant.method, effort: variant.effort, tensorGrid: grids[part.layer], measuresEnergy: false)
    }
    times.solveProcessor += shared + ThreadClock.seconds - beginSolvers
    let ready = solvers
    let solved = try Parallel.map(parts.count, threads: threads) {
      index throws(CoordinationError) -> (block: RowBlock, seconds: Double) in
      let part = parts[index]
      let layer = planned[part.layer].layer
      let begin = ThreadClock.seconds
      do throws(QuantizationError) {
        let block = try matrices[part.layer].withUnsafeBufferPointer { matrix throws(QuantizationError) in
          let rows = matrix[part.rows.lowerBound * layer.columns..<part.rows.upperBound * layer.columns]
          return try ready[[part.layer, part.hessian]]!.solve(
            weights: UnsafeBufferPointer(rebasing: rows), rows: part.rows.count)
        }
        return (block, ThreadClock.seconds - begin)
      } catch { throw CoordinationError.layer(name: layer.name, reason: error.description) }
    }
    times.solveProcessor += solved.reduce(0) { $0 + $1.seconds }
    times.solveWall += (ContinuousClock.now - start).seconds
    return solved.map(\.block)
  }

  /// Three losses of each row, tile by tile, so that products have the same shape on any number of ranks.
  private func measure(
    _ variant: CompareVariant, _ parts: [RowRange], _ blocks: [RowBlock], _ planned: [PlannedLayer],
    _ factors: [[SharedFactor]]
  ) -> [Double] {
    let predictions = Dictionary(
      uniqueKeysWithValues: Set(parts.map { [$0.layer, $0.hessian] }).map { key in
        let prediction = PredictedLoss(
          factors[key[0]][key[1]], method: variant.method, scheme: planned[key[0]].scheme)
        return (key, prediction)
      })
    return Parallel.map(parts.count, threads: threads) { index -> [Double] in
      let (part, block) = (parts[index], blocks[index])
      let (columns, groups) = (block.columns, block.groups)
      let weights = matrices[part.layer]
      let quantized = block.dequantized()
      let prediction = predictions[[part.layer, part.hessian]]!
      var result: [Double] = []
      for first in stride(from: 0, to: block.rows, by: RowPartition.tileRows) {
        let last = min(first + RowPartition.tileRows, block.rows)
        let offset = part.rows.lowerBound * columns
        let difference = (first * columns..<last * columns).map { Double(weights[offset + $0]) - Double(quantized[$0]) }
        let (calibration, heldOut) = losses[part.layer][part.hessian].losses(
          of: difference, correctsBias: variant.correctsBias && hasBias[part.layer])
        for row in first..<last {
          let predicted = prediction.loss(scales: block.scales[row * groups..<(row + 1) * groups])
          result += [calibration[row - first], heldOut[row - first], predicted]
        }
      }
      return result
    }.flatMap { $0 }
  }
}
