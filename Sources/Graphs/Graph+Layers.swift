/// A weight that is not quantized, and why.
public struct KeptWeight: Sendable, Equatable {
  /// The name of the weight or, where it has none, of the node.
  public var name: String
  /// The reason, for the report.
  public var reason: String

  /// Makes an entry.
  public init(name: String, reason: String) { (self.name, self.reason) = (name, reason) }
}

extension Graph {
  /// The weights that can be quantized, in execution order, and those that look like weights but cannot be.
  ///
  /// A layer is a Conv, Gemm or MatMul whose weight is a float32 constant that no other node reads and that is not
  /// among `keeps`; the weight of a Gemm may be bfloat16 or float16 where its input is stated to be float32 or bfloat16.
  public func layers() -> (layers: [Layer], kept: [KeptWeight]) {
    var readers: [ValueID: Int] = [:]
    for node in nodes { for case let input? in node.inputs { readers[input, default: 0] += 1 } }
    for output in outputs { readers[output, default: 0] += 1 }
    var layers: [Layer] = []
    var kept: [KeptWeight] = []
    for (index, node) in nodes.enumerated() {
      guard let weight = weightInput(of: node), let tensor = constants[weight] else { continue }
      let name = values[weight].name
      if let reason = keeps[weight] ?? reasonToKeep(node, tensor, readers: readers[weight] ?? 0) {
        kept.append(KeptWeight(name: name, reason: reason))
      } else {
        layers.append(layer(index, node, weight: weight, tensor))
      }
    }
    return (layers, kept)
  }

  /// The input of `node` that would be a layer's weight: the second one of a linear operator.
  private func weightInput(of node: Node) -> ValueID? {
    switch node.kind {
    case .conv, .convTranspose, .gemm, .matMul: node.inputs.count > 1 ? node.inputs[1] : nil
    default: nil
    }
  }

  private func reasonToKeep(_ node: Node, _ weight: Tensor, readers: Int) -> String? {
    if node.kind == .convTranspose { return "a transposed convolution adds up overlapping outputs" }
    let isWidened =
      node.kind == .gemm && weight.elementType.isHalf
      && node.inputs[0].map { [.float32, .bfloat16].contains(values[$0].elementType) } ?? false
    if weight.elementType != .float32, !isWidened { return "the weight is \(weight.elementType), not float32" }
    if readers > 1 { return "\(readers) nodes read this weight" }
    if weight.count == 0 { return "the weight is empty" }
    if node.kind == .conv {
      if !(3...4).contains(weight.rank) { return "a \(weight.rank - 2)-D convolution" }
      let groups = node.int("group", default: 1)
      if groups < 1 || weight.shape[0] % groups != 0 { return "\(weight.shape[0]) rows in \(groups) groups" }
      return nil
    }
    if weight.rank != 2 { return "a weight of \(weight.rank) dimensions" }
    if node.kind == .gemm, node.int("transA", default: 0) != 0 { return "the product transposes its input" }
    if node.kind == .gemm, node.float("alpha", default: 1) != 1 { return "the product is scaled by alpha" }
    return nil
  }

  private func layer(_ index: Int, _ node: Node, weight: ValueID, _ tensor: Tensor) -> Layer {
    let name = values[weight].name
    let input = node.inputs[0]!
    if node.kind == .conv {
      let kernel = Array(tensor.shape.dropFirst(2))
      let unfolding = Unfolding(
        kernel: kernel,
        strides: node.ints("strides") ?? Array(repeating: 1, count: kernel.count),
        dilations: node.ints("dilations") ?? Array(repeating: 1, count: kernel.count),
        pads: node.ints("pads") ?? Array(repeating: 0, count: 2 * kernel.count),
        autoPad: node.string("auto_pad", default: "NOTSET"),
        groups: node.int("group", default: 1))
      return Layer(
        name: name, node: index, weight: weight, input: input, rows: tensor.shape[0],
        columns: tensor.shape.dropFirst().reduce(1, *), unfolding: unfolding, layout: .rowMajor, channelAxis: 0)
    }
    let transposed = node.kind == .gemm && node.int("transB", default: 0) != 0
    return Layer(
      name: name, node: index, weight: weight, input: input, rows: tensor.shape[transposed ? 0 : 1],
      columns: tensor.shape[transposed ? 1 : 0], unfolding: nil, layout: transposed ? .rowMajor : .columnMajor,
      channelAxis: transposed ? 0 : 1)
  }
}

extension Layer {
  /// The layer's matrix, rows x columns, row-major, copied out of its weight tensor: float32, or 16 bits wide.
  public func matrix(from weight: Tensor) -> [Float] {
    if weight.elementType != .float32, layout == .rowMajor {
      return [Float](unsafeUninitializedCapacity: rows * columns) { matrix, count in
        weight.copyWidened(0..<rows * columns, to: matrix.baseAddress!)
        count = rows * columns
      }
    }
    return weight.widened.withElements(as: Float.self) { elements in
      switch layout {
      case .rowMajor: Array(elements)
      case .columnMajor:
        [Float](unsafeUninitializedCapacity: rows * columns) { matrix, count in
          for row in 0..<rows {
            for column in 0..<columns { matrix[row * columns + column] = elements[column * rows + row] }
          }
          count = rows * columns
        }
      }
    }
  }

  /// Elements of a matrix (rows x columns, row-major) in the order of the weight tensor.
  public func tensorOrder<Element>(_ matrix: [Element]) -> [Element] {
    precondition(matrix.count == rows * columns, "\(matrix.count) elements for \(rows) x \(columns)")
    switch layout {
    case .rowMajor: return matrix
    case .columnMajor:
      return (0..<rows * columns).map { matrix[$0 % rows * columns + $0 / rows] }
    }
  }
}
