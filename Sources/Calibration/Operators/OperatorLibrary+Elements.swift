import Graphs

extension OperatorLibrary {
  /// Element by element: arithmetic with broadcasting, comparison, choice, casts; and reductions.
  static func elementKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    case .add, .sub, .mul, .div, .min, .max: try HalfThroughSingle<ArithmeticKernel>(node)
    case .equal, .less, .greater: try HalfThroughSingle<ComparisonKernel>(node)
    case .neg, .abs, .reciprocal, .floor: try HalfThroughSingle<UnaryKernel>(node)
    case .clip: try HalfThroughSingle<ClipKernel>(node)
    case .reduceMean, .reduceSum, .reduceMax: try HalfThroughSingle<ReductionKernel>(node)
    case .dequantizeLinear: try HalfThroughSingle<DequantizeLinearKernel>(node)
    case .pow: try PowKernel(node)
    case .where: try WhereKernel(node)
    case .cast: try CastKernel(node)
    case .identity: try IdentityKernel(node)
    case .dropout: try DropoutKernel(node)
    default: nil
    }
  }
}
