internal import Foundation
import Graphs

/// A language model in a folder as Hugging Face transformers saves it: `config.json` and safetensors files.
///
/// Decoders of the model types `llama`, `mistral`, `qwen2`, `qwen3`, `gemma2`, `gemma3_text`, `phi3`, `gpt2`, `opt`,
/// `mixtral`, `qwen2_moe` and `qwen3_moe`.
/// Weights are float32, bfloat16 or float16 and stay mapped; copies are cheap.
public struct HuggingFaceModel: Sendable {
  /// The folder that the model was read from.
  public let path: String
  /// The `model_type` of its `config.json`.
  public let modelType: String
  /// Tokens that sequences may have: fewer than the model was made for if that is more than 16384. May be raised up to
  /// `maximumPositions`; tables of rotations are as long.
  public var positionLimit: Int
  /// Tokens that the model was made for, or fewer if longer sequences would have to be computed in another way.
  public let maximumPositions: Int
  /// What the inputs of Linear layers are rounded to in the graph: float32 (not at all), or bfloat16.
  public var linearInputs: ElementType = .float32
  let architecture: Architecture
  let settings: DecoderSettings
  let tensors: CheckpointTensors
  /// What is in front of the names of the decoder's tensors.
  let prefix: String

  /// Reads the folder at `path`.
  ///
  /// Throws `ModelError` if a file is missing or damaged, for a model type or a feature that is not supported, and for
  /// tensors that `config.json` asks for and that are missing or have another shape, and for any that nothing reads.
  public init(contentsOf path: String) throws(ModelError) {
    self.path = path
    let configuration = try ModelConfiguration(contentsOf: path + "/config.json")
    guard let type = try configuration.optionalString("model_type") else {
      throw .malformed(path: configuration.path, reason: "the key model_type is missing")
    }
    guard let architecture = Architecture.table[type] else {
      let known = Architecture.table.keys.sorted().joined(separator: ", ")
      throw configuration.refusal("model_type", "the model types \(known) can be read")
    }
    settings = try DecoderSettings(configuration, architecture)
    (modelType, self.architecture) = (type, architecture)
    let tensors = try CheckpointTensors(folder: path)
    self.tensors = tensors
    let embeddings = architecture.prefixes.map { "\($0)\(architecture.embedding).weight" }
    guard let place = embeddings.firstIndex(where: { tensors.contains($0) }) else {
      throw .malformed(path: path, reason: "no file has the tensor \(embeddings[0])")
    }
    prefix = architecture.prefixes[place]
    let limits = [settings.maximumPositions, settings.rotary?.full.limit, settings.rotary?.window.limit]
    maximumPositions = limits.compactMap(\.self).min()!
    positionLimit = min(maximumPositions, 16384)
    // Builds all parts once, to find what is missing and what is left over.
    var lowering = DecoderLowering(self, positions: 1)
    _ = try lowering.run(.whole)
    try checkUnread(lowering.read)
  }

  /// Throws if a tensor of the files is not among `read`, though it takes part in the computation.
  private func checkUnread(_ read: Set<String>) throws(ModelError) {
    for name in tensors.names where !read.contains(name) {
      if architecture.ignoredTensors.contains(where: { name.hasSuffix($0) }) { continue }
      if settings.isTied, name == "lm_head.weight" {
        // Some files have the embedding twice.
        let embedding = "\(prefix)\(architecture.embedding).weight"
        let shape = [settings.vocabulary, settings.hidden]
        let (head, table) = (try tensors.tensor(name, shape: shape), try tensors.tensor(embedding, shape: shape))
        let isSame = head.withBytes { head in
          table.withBytes { head.count == $0.count && memcmp(head.baseAddress!, $0.baseAddress!, head.count) == 0 }
        }
        for tensor in [head, table] { tensor.storage.releasePages() }
        if isSame { continue }
        throw .unsupported(
          path: path, reason: "lm_head.weight differs from the embedding, but tie_word_embeddings is true")
      }
      throw .unsupported(
        path: path + "/" + tensors.files[name]!,
        reason: "nothing that is known of the model type \(modelType) reads the tensor \(name)")
    }
  }

  /// The whole model: input `input_ids`, int64 (batch, sequence); output `logits`, float32 (batch, sequence, vocabulary).
  ///
  /// Linear layers are Gemm nodes with the module's name; their weights are named as in the files and have the files'
  /// element type. Embedding and output head are among `Graph.keeps`.
  public func graph() throws(ModelError) -> Graph { try part(.whole) }

  /// The model up to the last norm: output `hidden`, float32 (batch * sequence, hidden size).
  public func bodyGraph() throws(ModelError) -> Graph { try part(.body) }

  /// The output head: input `hidden`, float32 (tokens, hidden size); output `logits`, (tokens, vocabulary).
  ///
  /// Together with `bodyGraph()` it computes what `graph()` does, but for as many tokens at a time as a caller likes.
  public func headGraph() throws(ModelError) -> Graph { try part(.head) }

  private func part(_ part: DecoderLowering.Part) throws(ModelError) -> Graph {
    var lowering = DecoderLowering(self, positions: min(positionLimit, maximumPositions))
    return try lowering.run(part)
  }

  /// All Linear layers of the blocks, in execution order.
  public func linearModules() throws(ModelError) -> [LinearModule] {
    var lowering = DecoderLowering(self, positions: 1)
    _ = try lowering.run(.body)
    return lowering.modules
  }

  /// Tokens that the model knows: `input_ids` are below.
  public var vocabularySize: Int { settings.vocabulary }

  /// The name of the file in the folder that holds a tensor; nil if there is no such tensor.
  public func file(ofTensor name: String) -> String? { tensors.files[name] }
}
