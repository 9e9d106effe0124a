import Graphs

/// Finds the kernel of an operator.
enum OperatorLibrary {
  /// The kernel for `node`, its attributes checked.
  static func kernel(for node: Node) throws(OperatorError) -> any OperatorKernel {
    if let kernel = try computeKernel(for: node) { return kernel }
    if let kernel = try elementKernel(for: node) { return kernel }
    if let kernel = try dataKernel(for: node) { return kernel }
    throw .unsupported("operator \(node.kind.rawValue)")
  }
}
