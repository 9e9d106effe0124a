/// How the codes of a language model are stored in its folder.
public enum CheckpointFormat: String, Sendable, Codable, CaseIterable {
  /// `pack-quantized` of compressed-tensors: 2 to 8 bits, any mix of them; read by transformers, vLLM and SGLang.
  case compressedTensors = "compressed-tensors"
  /// GPTQ, version 1 (version 2 where zero points are stored): 2, 3, 4 or 8 bits, the same for all layers.
  case gptq

  /// What a module's tensor of codes is called.
  var codesEnding: String { self == .gptq ? "qweight" : "weight_packed" }
}
