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

  /// What a writer must know of the layer; `node` is the name of its node.
  func form(node: String) -> SolvedLayer.Form {
    let granularity: SolvedLayer.Granularity =
      switch scheme.granularity {
      case .tensor: .tensor
      case .channel: .channel
      case .group(let size): .group(size)
      }
    return SolvedLayer.Form(
      layer: layer, node: node, bits: scheme.bits, isSymmetric: scheme.symmetric, granularity: granularity)
  }
}
