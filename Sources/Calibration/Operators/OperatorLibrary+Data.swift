import Graphs

extension OperatorLibrary {
  /// Shapes and data movement: nothing is computed but addresses (and Resize's interpolation).
  static func dataKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    case .flatten: try FlattenKernel(node)
    case .reshape: try ReshapeKernel(node)
    case .transpose: try TransposeKernel(node)
    case .concat: try ConcatKernel(node)
    case .split: try SplitKernel(node)
    case .slice: try SliceKernel(node)
    case .squeeze: try SqueezeKernel(node)
    case .unsqueeze: try UnsqueezeKernel(node)
    case .gather: try GatherKernel(node)
    case .shape: try ShapeKernel(node)
    case .pad: try PadKernel(node)
    case .resize: try ResizeKernel(node)
    case .expand: try ExpandKernel(node)
    case .constant: try ConstantKernel(node)
    case .constantOfShape: try ConstantOfShapeKernel(node)
    case .range: try RangeKernel(node)
    default: nil
    }
  }
}
