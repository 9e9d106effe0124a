import LinearAlgebra
import Quantization

extension QuantizationRun {
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
