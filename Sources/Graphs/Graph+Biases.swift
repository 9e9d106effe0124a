extension Graph {
  /// The constant that holds a layer's bias, one float32 per row, if no other node reads it; nil if there is none that
  /// could be changed (a MatMul has none at all).
  public func bias(of layer: Layer) -> ValueID? {
    let node = nodes[layer.node]
    guard node.kind != .matMul, node.inputs.count > 2, let bias = node.inputs[2], let tensor = constants[bias],
      tensor.elementType == .float32, tensor.count == layer.rows, node.float("beta", default: 1) == 1
    else { return nil }
    let readers = nodes.reduce(0) { sum, node in sum + node.inputs.filter { $0 == bias }.count }
    return readers == 1 && !outputs.contains(bias) ? bias : nil
  }

  /// Gives a bias of zeros to each Conv and Gemm layer that has none.
  public mutating func addMissingBiases() {
    for layer in layers().layers {
      let node = nodes[layer.node]
      guard node.kind != .matMul, node.inputs.count < 3 || node.inputs[2] == nil else { continue }
      let bias = values.count
      values.append(Value(name: "\(layer.name).bias.added", elementType: .float32, shape: [layer.rows]))
      constants[bias] = Tensor([Float](repeating: 0, count: layer.rows), shape: [layer.rows])
      nodes[layer.node].inputs = [node.inputs[0], node.inputs[1], bias]
    }
  }
}
