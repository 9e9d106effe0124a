/// The operators that the graph knows.
///
/// Names, inputs, attributes and meaning are those of ONNX operator set 21 (`ai.onnx`), for operators that came later
/// those of their first set; a front door turns older or other forms into them. An operator that is not in this list is refused while a model is read.
public enum OperatorKind: String, Sendable, CaseIterable {
  // Layers and normalization
  case conv = "Conv"
  case convTranspose = "ConvTranspose"
  case gemm = "Gemm"
  case matMul = "MatMul"
  case batchNormalization = "BatchNormalization"
  case layerNormalization = "LayerNormalization"
  case rmsNormalization = "RMSNormalization"
  // Attention
  case attention = "Attention"
  case rotaryEmbedding = "RotaryEmbedding"
  // Pooling
  case maxPool = "MaxPool"
  case averagePool = "AveragePool"
  case globalAveragePool = "GlobalAveragePool"
  case globalMaxPool = "GlobalMaxPool"
  // Activations and unary arithmetic
  case relu = "Relu"
  case leakyRelu = "LeakyRelu"
  case clip = "Clip"
  case sigmoid = "Sigmoid"
  case hardSigmoid = "HardSigmoid"
  case hardSwish = "HardSwish"
  case tanh = "Tanh"
  case softmax = "Softmax"
  case erf = "Erf"
  case gelu = "Gelu"
  case swish = "Swish"
  case exp = "Exp"
  case log = "Log"
  case neg = "Neg"
  case abs = "Abs"
  case reciprocal = "Reciprocal"
  case sqrt = "Sqrt"
  case floor = "Floor"
  case identity = "Identity"
  case dropout = "Dropout"
  case cast = "Cast"
  // Arithmetic of two tensors, comparison, choice
  case add = "Add"
  case sub = "Sub"
  case mul = "Mul"
  case div = "Div"
  case pow = "Pow"
  case min = "Min"
  case max = "Max"
  case equal = "Equal"
  case less = "Less"
  case greater = "Greater"
  case `where` = "Where"
  // Shapes and data movement
  case flatten = "Flatten"
  case reshape = "Reshape"
  case transpose = "Transpose"
  case concat = "Concat"
  case split = "Split"
  case slice = "Slice"
  case squeeze = "Squeeze"
  case unsqueeze = "Unsqueeze"
  case gather = "Gather"
  case shape = "Shape"
  case pad = "Pad"
  case resize = "Resize"
  case expand = "Expand"
  case constant = "Constant"
  case constantOfShape = "ConstantOfShape"
  case range = "Range"
  // Reductions
  case reduceMean = "ReduceMean"
  case reduceSum = "ReduceSum"
  case reduceMax = "ReduceMax"
  // Mixtures of experts; not operators of ONNX.
  // ExpertWeights: (tokens, experts) to the same shape, the `k` largest values of each row (the first of equal ones),
  // divided by their sum if `normalize` is 1, the others 0; and which these are, bool
  case expertWeights = "ExpertWeights"
  // ExpertTokens: the rows of input 0 whose tokens choose `expert` in input 1, (tokens, experts), in their order
  case expertTokens = "ExpertTokens"
  // ExpertSum: weights and choices of ExpertWeights, then each expert's outputs for its tokens, to the weighted sum of
  // each token's experts
  case expertSum = "ExpertSum"
  // Quantized weights
  case dequantizeLinear = "DequantizeLinear"
}

extension OperatorKind {
  /// Whether ONNX has the operator, so that a file may name it.
  public var isStandard: Bool { ![.expertWeights, .expertTokens, .expertSum].contains(self) }
}
