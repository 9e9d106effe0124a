import Calibration
import Graphs
import LinearAlgebra
import MPI
import Quantization

extension QuantizationRun {
  /// Of the groups that this rank owns and whose inputs drift, the scaled cross moments that corrections are solved from, one
  /// for each Hessian; nil for the others.
  func scaledCrossMoments(
    _ groups: [CalibratedGroup], _ means: [[[Double]]], _ factors: [[SharedFactor]?], rank: Int
  ) -> [[[Float]]?] {
    let alpha = options.driftCorrection
    let threads = options.threads
    return groups.indices.map { index in
      let group = groups[index]
      guard group.owner == rank, let scale = group.crossScale, let factors = factors[index] else { return nil }
      var crossMoments = CrossMoments.moments(
        of: group.group, sums: group.crossSums, scale: scale, columnCount: group.columnCount)
      if group.isCentered {
        for hessian in crossMoments.indices {
          crossMoments[hessian].center(about: means[index][hessian], constants: factors[hessian].deadColumns)
        }
      }
      return zip(crossMoments, factors).map { moments, factor in
        DriftCorrection.scaled(order: factor.order, unit: factor.unit, alpha: alpha, threads: threads) {
          moments.write(row: $0, to: $1)
        }
      }
    }
  }

  /// The matrix that the rows `ranges` of a layer are solved for: its own, moved against the drift of its inputs.
  ///
  /// Rows outside of `ranges` stay as they are. Ranges are cut between tiles of `RowPartition.tileRows` rows, counted
  /// from the first row of a Hessian; each tile is one product, so a row's result does not depend on the ranges.
  func target(
    of planned: PlannedLayer, _ drifts: [DriftCorrection]?, ranges: [RowRange]
  ) -> [Float] {
    var matrix = planned.layer.matrix(from: graph.constants[planned.layer.weight]!)
    guard let drifts else { return matrix }
    let (columns, threads) = (planned.layer.columns, options.threads)
    let tiles = ranges.flatMap { range in
      stride(from: range.rows.lowerBound, to: range.rows.upperBound, by: RowPartition.tileRows).map {
        (hessian: range.hessian, start: $0, rows: min(RowPartition.tileRows, range.rows.upperBound - $0))
      }
    }
    matrix.withUnsafeMutableBufferPointer { matrix in
      guard let base = matrix.baseAddress else { return }
      let target = Parallel.Target(base)
      Parallel.forEach(tiles.count, threads: threads) { index in
        let tile = tiles[index]
        drifts[tile.hessian].apply(to: target.base + tile.start * columns, rows: tile.rows)
      }
    }
    return matrix
  }
}
