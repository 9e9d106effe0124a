import Graphs

extension OperatorLibrary {
  /// Element by element: arithmetic with broadcasting, comparison, choice, casts; and reductions.
  static func elementKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    default: nil
    }
  }
}
