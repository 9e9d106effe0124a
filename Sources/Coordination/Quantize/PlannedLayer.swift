import Graphs
import Models
import Quantization

/// A layer with what was decided for it.
struct PlannedLayer: Sendable {
  let layer: Layer
  let scheme: QuantizationScheme
  /// The constant that holds the layer's bias, one per row, if quantization may change it.
  let bias: ValueID?

  /// The layer's shape in a line of rows.
  var shape: RowPartition.LayerShape {
    RowPartition.LayerShape(rows: layer.rows, columns: layer.columns, groups: layer.groups)
  }

  /// Rows that share one Hessian.
  var rowsPerHessian: Int { layer.rows / layer.groups }

  /// All rows, a range for each Hessian, as of layer number `line`.
  func rowRanges(_ line: Int) -> [RowRange] {
    (0..<layer.groups).map { hessian in
      RowRange(layer: line, hessian: hessian, rows: hessian * rowsPerHessian..<(hessian + 1) * rowsPerHessian)
    }
  }

  /// Which elements of the weight tensor share a scale.
  var storedGranularity: QuantizedWeight.Granularity {
    switch scheme.granularity {
    case .tensor: .perTensor
    case .channel: .perAxis(layer.channelAxis)
    case .group where (layer.unfolding?.kernel.reduce(1, *) ?? 1) > 1:
      .blockedMatrix(blockSize: scheme.groupSize(columns: layer.columns))
    case .group: .blocked(axis: 1 - layer.channelAxis, blockSize: scheme.groupSize(columns: layer.columns))
    }
  }

  /// Scales or zero points, rows x groups, in the order in which the written model has them.
  func storedOrder<Element>(_ values: [Element]) -> [Element] {
    switch (scheme.granularity, layer.layout) {
    case (.tensor, _): return [values[0]]
    case (.group, .columnMajor):
      let groups = scheme.groupCount(columns: layer.columns)
      return (0..<groups).flatMap { group in (0..<layer.rows).map { values[$0 * groups + group] } }
    default: return values
    }
  }
}
