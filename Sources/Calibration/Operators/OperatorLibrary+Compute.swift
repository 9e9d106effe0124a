import Graphs

extension OperatorLibrary {
  /// Layers, normalization, pooling and floating-point activations, on oneDNN and OpenBLAS.
  static func computeKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    default: nil
    }
  }
}
