internal import Foundation

/// The numbers and choices of one decoder, from its `config.json`, checked.
struct DecoderSettings: Sendable {
  /// The function between the feed-forward layers.
  enum Activation: Sendable { case swish, gelu, geluTanh, relu }

  let blockCount, hidden, heads, keyHeads, headSize, intermediate, vocabulary: Int
  /// Positions that the model was made for.
  let maximumPositions: Int
  let epsilon: Float
  let activation: Activation
  /// Whether the output head is the embedding.
  let isTied: Bool
  /// What scores of attention are multiplied by.
  let attentionScale: Float
  /// Limits of scores and logits, c tanh(x / c); nil for none.
  let attentionSoftcap, finalSoftcap: Float?
  /// For each block, how many tokens a query sees, its own included; nil for all.
  let windows: [Int?]
  /// The rotations of blocks that see all, and of those with a window; nil without rotations.
  let rotary: (full: RotaryFrequencies, window: RotaryFrequencies)?
  /// The experts; nil if there are none.
  let experts: ExpertSettings?
  let hasProjectionBias, hasAttentionOutputBias, hasFeedForwardBias: Bool

  /// Reads `configuration`. Throws for what is missing, contradictory or not supported.
  init(_ configuration: ModelConfiguration, _ architecture: Architecture) throws(ModelError) {
    let file = configuration.with(defaults: architecture.defaults)
    func key(_ name: String) -> String { architecture.keys[name] ?? name }
    try Self.refuse(file, architecture)
    blockCount = try file.size(key("num_hidden_layers"))
    hidden = try file.size(key("hidden_size"))
    heads = try file.size(key("num_attention_heads"))
    keyHeads = try file.optionalInt("num_key_value_heads") ?? heads
    headSize = try file.optionalInt("head_dim") ?? hidden / heads
    vocabulary = try file.size("vocab_size")
    maximumPositions = try file.size(key("max_position_embeddings"))
    intermediate =
      file[key("intermediate_size")] == nil && architecture.storesTransposed
      ? 4 * hidden : try file.size(key("intermediate_size"))
    guard keyHeads > 0, heads % keyHeads == 0, headSize > 0 else {
      throw file.refusal("num_key_value_heads", "\(heads) heads of size \(headSize) cannot share \(keyHeads)")
    }
    guard file["head_dim"] != nil || hidden % heads == 0 else {
      throw file.refusal(key("num_attention_heads"), "it does not divide the hidden size \(hidden)")
    }
    epsilon = Float(try file.number(key("rms_norm_eps")))
    activation = try Self.activation(file, key("hidden_act"))
    isTied = try file.flag("tie_word_embeddings")
    attentionScale = Float(1 / (try file.optionalNumber("query_pre_attn_scalar") ?? Double(headSize)).squareRoot())
    attentionSoftcap = try file.optionalNumber("attn_logit_softcapping").map { Float($0) }
    finalSoftcap = try file.optionalNumber("final_logit_softcapping").map { Float($0) }
    windows = try Self.windows(file, architecture, blockCount)
    if let form = architecture.experts {
      experts = try ExpertSettings(file, form, blockCount: blockCount)
    } else {
      experts = nil
    }
    switch architecture.positions {
    case .learned: rotary = nil
    case .rotary:
      rotary = (
        try RotaryFrequencies(file, headSize: headSize, maximumPositions: maximumPositions, isWindowed: false),
        try RotaryFrequencies(file, headSize: headSize, maximumPositions: maximumPositions, isWindowed: true)
      )
    }
    hasProjectionBias = try Self.bias(architecture.projectionBias, file)
    hasAttentionOutputBias = try Self.bias(architecture.attentionOutputBias, file)
    hasFeedForwardBias = try Self.bias(architecture.feedForwardBias, file)
  }

  /// Throws for keys that would change the computation in ways that are not known here.
  private static func refuse(_ file: ModelConfiguration, _ architecture: Architecture) throws(ModelError) {
    var required = architecture.required
    for name in ["is_encoder_decoder", "add_cross_attention", "use_bidirectional_attention"] {
      required[name] = [false]
    }
    for (name, allowed) in required.sorted(by: { $0.key < $1.key }) {
      guard let value = file[name] else { continue }
      guard allowed.contains(value) else {
        throw file.refusal(name, "only \(allowed.map(\.description).joined(separator: " or ")) can be read")
      }
    }
    if case .learned(let name, _) = architecture.positions, name == "embed_positions",
      let width = try file.optionalInt("word_embed_proj_dim"), width != (try file.size("hidden_size"))
    {
      throw file.refusal("word_embed_proj_dim", "embeddings of another width than the hidden size cannot be read")
    }
  }

  private static func activation(_ file: ModelConfiguration, _ key: String) throws(ModelError) -> Activation {
    switch try file.optionalString(key) {
    case "silu", "swish": return .swish
    case "gelu": return .gelu
    case "gelu_new", "gelu_fast", "gelu_pytorch_tanh": return .geluTanh
    case "relu": return .relu
    default: throw file.refusal(key, "the activations silu, gelu, gelu_new, gelu_pytorch_tanh and relu can be run")
    }
  }

  private static func bias(_ bias: Architecture.Bias, _ file: ModelConfiguration) throws(ModelError) -> Bool {
    switch bias {
    case .never: false
    case .always: true
    case .key(let key): try file.flag(key)
    }
  }

  private static func windows(
    _ file: ModelConfiguration, _ architecture: Architecture, _ blockCount: Int
  ) throws(ModelError) -> [Int?] {
    let none = [Int?](repeating: nil, count: blockCount)
    let isWindowed: [Bool]
    switch architecture.windows {
    case .never: return none
    case .everyLayer:
      if file["sliding_window"] == nil { return none }
      isWindowed = Array(repeating: true, count: blockCount)
    case .fromLayer:
      if try !file.flag("use_sliding_window") { return none }
      let first = try file.optionalInt("max_window_layers") ?? blockCount
      isWindowed = try layerTypes(file, blockCount) ?? (0..<blockCount).map { $0 >= first }
    case .pattern:
      let pattern = try file.size("sliding_window_pattern")
      isWindowed = try layerTypes(file, blockCount) ?? (0..<blockCount).map { ($0 + 1) % pattern != 0 }
    }
    if !isWindowed.contains(true) { return none }
    let window = try file.size("sliding_window")
    return isWindowed.map { $0 ? window : nil }
  }

  /// Which layers `layer_types` gives a window; nil if the key is missing.
  private static func layerTypes(_ file: ModelConfiguration, _ blockCount: Int) throws(ModelError) -> [Bool]? {
    guard let types = try file.optionalStrings("layer_types") else { return nil }
    guard types.count == blockCount, types.allSatisfy({ ["sliding_attention", "full_attention"].contains($0) }) else {
      throw file.refusal("layer_types", "\(blockCount) times sliding_attention or full_attention is expected")
    }
    return types.map { $0 == "sliding_attention" }
  }
}
