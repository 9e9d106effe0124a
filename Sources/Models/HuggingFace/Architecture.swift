internal import JSON

/// What is particular to the decoders of a model type, as data: names of modules, kinds of parts, keys of `config.json`.
///
/// Module names are relative to a block (or, where said, to the model), tensors are `NAME.weight` and `NAME.bias`.
struct Architecture: Sendable {
  /// How hidden states are normalized.
  enum Norm: Sendable {
    /// x / rms(x) * w.
    case rms
    /// x / rms(x) * (1 + w).
    case rmsFromOne
    /// (x - mean) / deviation * w + b.
    case layer
  }

  /// Whether Linear layers have a bias.
  enum Bias: Sendable {
    case never
    case always
    /// As a key of `config.json` says.
    case key(String)
  }

  /// How tokens learn where they are.
  enum Positions: Sendable {
    /// Queries and keys are turned.
    case rotary
    /// The embedding of module `name` (of the model) is added, position 0 being row `offset`.
    case learned(name: String, offset: Int)
  }

  /// The projections of attention's input.
  enum Projections: Sendable {
    case separate(query: String, key: String, value: String)
    /// One Linear, its outputs: queries, keys, values.
    case fused(String)
  }

  /// The layers behind attention.
  enum FeedForward: Sendable {
    /// down(activation(gate(x)) * up(x)).
    case gated(gate: String, up: String, down: String)
    /// The same with one Linear for gate and up, in this order.
    case fusedGated(gateUp: String, down: String)
    /// down(activation(up(x))).
    case plain(up: String, down: String)
  }

  /// Feed-forward layers of which each token uses some; the experts have the form of `.gated`.
  struct Experts: Sendable {
    /// The router's Linear.
    var router: String
    /// The list of experts.
    var list: String
    /// The Linear layers of an expert.
    var gate = "gate_proj", up = "up_proj", down = "down_proj"
    /// The key of an expert's width.
    var width = "moe_intermediate_size"
    /// Whether the weights of the chosen experts are made to add up to 1: a key says so; nil for always.
    var normalizes: String?
    /// An expert that all tokens use, with a gate of its own, and the key of its width.
    var shared: (module: String, gate: String, width: String)?
  }

  /// Which layers see a window of the tokens before only.
  enum Windows: Sendable {
    case never
    /// All, if `sliding_window` is given.
    case everyLayer
    /// By `layer_types`; else those from `max_window_layers` on, if `use_sliding_window`.
    case fromLayer
    /// By `layer_types`; else all but each n-th, n being `sliding_window_pattern`.
    case pattern
  }

  /// Where the model's modules are in the files: the first prefix under which the embedding is found counts.
  var prefixes = ["model."]
  /// The embedding of tokens (of the model).
  var embedding = "embed_tokens"
  /// The list of blocks (of the model).
  var blocks = "layers"
  /// The norm behind the last block (of the model).
  var finalNorm = "norm"
  var norm = Norm.rms
  var positions = Positions.rotary
  var attentionNorm = "input_layernorm"
  /// A norm of attention's output before it is added.
  var attentionOutputNorm: String?
  var projections = Projections.separate(
    query: "self_attn.q_proj", key: "self_attn.k_proj", value: "self_attn.v_proj")
  var attentionOutput = "self_attn.o_proj"
  /// Norms of each head's query and key.
  var headNorms: (query: String, key: String)?
  var feedForwardNorm = "post_attention_layernorm"
  /// A norm of the feed-forward output before it is added.
  var feedForwardOutputNorm: String?
  var feedForward = FeedForward.gated(gate: "mlp.gate_proj", up: "mlp.up_proj", down: "mlp.down_proj")
  /// What stands in place of `feedForward` in the blocks that have it; nil for no experts.
  var experts: Experts?
  var projectionBias = Bias.never
  var attentionOutputBias = Bias.never
  var feedForwardBias = Bias.never
  var windows = Windows.never
  /// Whether weights of Linear layers are stored as inputs x outputs.
  var storesTransposed = false
  /// Whether embeddings are multiplied by the root of the hidden size.
  var scalesEmbeddings = false
  /// Keys of `config.json` that have other names than Llama's.
  var keys: [String: String] = [:]
  /// Values of keys that `config.json` may leave out.
  var defaults: [String: JSONValue] = [:]
  /// Keys that must have one of these values (or be missing or null); others are not supported.
  var required: [String: [JSONValue]] = [:]
  /// Endings of tensors that hold nothing that is needed.
  var ignoredTensors = ["rotary_emb.inv_freq"]
}
