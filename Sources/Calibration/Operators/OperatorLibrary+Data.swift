import Graphs

extension OperatorLibrary {
  /// Shapes and data movement: nothing is computed but addresses (and Resize's interpolation).
  static func dataKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    default: nil
    }
  }
}
