import Graphs

extension OperatorLibrary {
  /// Layers, normalization, pooling and floating-point activations, on oneDNN and OpenBLAS.
  static func computeKernel(for node: Node) throws(OperatorError) -> (any OperatorKernel)? {
    switch node.kind {
    case .conv: try ConvKernel(node)
    case .convTranspose: try ConvTransposeKernel(node)
    case .gemm: try GemmKernel(node)
    case .matMul: try MatMulKernel(node)
    case .batchNormalization: try BatchNormalizationKernel(node)
    case .layerNormalization: try LayerNormalizationKernel(node)
    case .rmsNormalization: try RMSNormalizationKernel(node)
    case .expertWeights: try ExpertWeightsKernel(node)
    case .expertTokens: try ExpertTokensKernel(node)
    case .expertSum: try ExpertSumKernel(node)
    case .rotaryEmbedding: try RotaryEmbeddingKernel(node)
    case .attention: try AttentionKernel(node)
    case .maxPool: try HalfThroughSingle<MaxPoolKernel>(node)
    case .averagePool: try AveragePoolKernel(node)
    case .globalAveragePool, .globalMaxPool: try GlobalPoolKernel(node)
    case .softmax: try SoftmaxKernel(node)
    case .sigmoid, .tanh, .exp, .gelu, .swish: try LibraryFunctionKernel(node)
    case .relu, .leakyRelu, .hardSigmoid, .hardSwish, .sqrt, .erf, .log: try LoopFunctionKernel(node)
    default: nil
    }
  }
}
