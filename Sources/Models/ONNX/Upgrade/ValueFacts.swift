/// Ranks and element types of a graph's values, as far as they can be said without running it.
struct ValueFacts {
  private var ranks: [String: Int] = [:]
  private var types: [String: ONNXDataType] = [:]
  /// The type of floating-point values that nothing is known of.
  private var commonFloat = ONNXDataType.float32

  /// Operators whose first output has the rank of the first input.
  private static let keepRank: Set<String> = [
    "Conv", "ConvTranspose", "BatchNormalization", "LayerNormalization", "MaxPool", "AveragePool", "GlobalAveragePool",
    "GlobalMaxPool", "Relu", "LeakyRelu", "Clip", "Sigmoid", "HardSigmoid", "HardSwish", "Tanh", "Softmax", "Erf",
    "Gelu", "Exp", "Log", "Neg", "Abs", "Reciprocal", "Sqrt", "Floor", "Identity", "Dropout", "Cast", "Transpose",
    "Concat", "Split", "Slice", "Pad", "Resize", "Upsample",
  ]
  /// Operators whose output has the larger rank of the two inputs.
  private static let largerRank: Set<String> = ["Add", "Sub", "Mul", "Div", "Pow"]

  /// Collects what inputs, initializers and `value_info` say, and follows the nodes in the file's order.
  init(_ graph: ONNXGraphProto) {
    for tensor in graph.initializer {
      ranks[tensor.name] = tensor.dims.count
      types[tensor.name] = ONNXDataType(rawValue: tensor.dataType)
    }
    for value in graph.input + graph.output + graph.valueInfo {
      let tensor = value.type.tensorType
      if tensor.hasShape { ranks[value.name] = tensor.shape.dim.count }
      if tensor.hasElemType, let type = ONNXDataType(rawValue: tensor.elemType) { types[value.name] = type }
    }
    let floats: [ONNXDataType] = [.float32, .float16, .bfloat16, .float64]
    let inputs = graph.input.compactMap { types[$0.name] } + graph.initializer.compactMap { types[$0.name] }
    commonFloat = inputs.first { floats.contains($0) } ?? .float32
    var lengths: [String: Int] = [:]  // of initializers and constants with one dimension: target shapes of Reshape
    for tensor in graph.initializer where tensor.dims.count == 1 { lengths[tensor.name] = Int(tensor.dims[0]) }
    for node in graph.node {
      guard let output = node.output.first else { continue }
      if node.opType == "Constant", let value = node.attribute("value") {
        ranks[output] = value.t.dims.count
        if value.t.dims.count == 1 { lengths[output] = Int(value.t.dims[0]) }
        continue
      }
      guard ranks[output] == nil else { continue }
      let first = ranks[node.inputName(0)]
      switch node.opType {
      case _ where Self.keepRank.contains(node.opType):
        for output in node.output { ranks[output] = first }
      case _ where Self.largerRank.contains(node.opType):
        if let first, let second = ranks[node.inputName(1)] { ranks[output] = max(first, second) }
      case "Gemm", "Flatten": ranks[output] = 2
      case "Reshape": ranks[output] = lengths[node.inputName(1)]
      case "MatMul":
        if let first, let second = ranks[node.inputName(1)], min(first, second) >= 2 {
          ranks[output] = max(first, second)
        }
      default: break
      }
    }
  }

  /// The number of dimensions of the value `name`.
  func rank(of name: String) -> Int? { ranks[name] }

  /// The floating-point type of the value `name`, or that of the model's inputs and weights.
  func floatType(of name: String) -> ONNXDataType { types[name] ?? commonFloat }
}
