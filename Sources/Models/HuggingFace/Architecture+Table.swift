internal import JSON

extension Architecture {
  /// The model types that can be read.
  static let table: [String: Architecture] = [
    "llama": llama, "mistral": mistral, "qwen2": qwen2, "qwen3": qwen3, "gemma2": gemma2, "gemma3_text": gemma3,
    "phi3": phi3, "gpt2": gpt2, "opt": opt, "mixtral": mixtral, "qwen2_moe": qwen2Experts, "qwen3_moe": qwen3Experts,
  ]

  private static let common: [String: JSONValue] = [
    "rms_norm_eps": 1e-6, "rope_theta": 10000, "hidden_act": "silu",
    "tie_word_embeddings": false,
  ]

  private static let llama = Architecture(
    projectionBias: .key("attention_bias"), attentionOutputBias: .key("attention_bias"),
    feedForwardBias: .key("mlp_bias"), defaults: common)

  private static let mistral = Architecture(windows: .everyLayer, defaults: common)

  private static let qwen2 = Architecture(projectionBias: .always, windows: .fromLayer, defaults: common)

  private static let qwen3 = Architecture(
    headNorms: ("self_attn.q_norm", "self_attn.k_norm"), projectionBias: .key("attention_bias"),
    attentionOutputBias: .key("attention_bias"), windows: .fromLayer, defaults: common)

  private static let gemma2 = Architecture(
    norm: .rmsFromOne, attentionOutputNorm: "post_attention_layernorm", feedForwardNorm: "pre_feedforward_layernorm",
    feedForwardOutputNorm: "post_feedforward_layernorm", projectionBias: .key("attention_bias"),
    attentionOutputBias: .key("attention_bias"), windows: .pattern, scalesEmbeddings: true,
    keys: ["hidden_act": "hidden_activation"],
    defaults: common.merging([
      "head_dim": 256, "hidden_activation": "gelu_pytorch_tanh", "tie_word_embeddings": true,
      "query_pre_attn_scalar": 256, "sliding_window": 4096, "sliding_window_pattern": 2,
    ]) { $1 })

  private static let gemma3 = {
    var architecture = gemma2
    architecture.headNorms = ("self_attn.q_norm", "self_attn.k_norm")
    architecture.defaults["rope_theta"] = 1_000_000
    architecture.defaults["rope_local_base_freq"] = 10_000
    architecture.defaults["sliding_window_pattern"] = 6
    return architecture
  }()

  private static let phi3 = Architecture(
    projections: .fused("self_attn.qkv_proj"),
    feedForward: .fusedGated(gateUp: "mlp.gate_up_proj", down: "mlp.down_proj"), windows: .everyLayer,
    defaults: common.merging(["rms_norm_eps": 1e-5, "original_max_position_embeddings": 4096]) { $1 })

  private static let mixtral = Architecture(
    experts: Experts(
      router: "block_sparse_moe.gate", list: "block_sparse_moe.experts", gate: "w1", up: "w3", down: "w2",
      width: "intermediate_size", normalizes: nil),
    windows: .everyLayer,
    defaults: common.merging(["rms_norm_eps": 1e-5, "rope_theta": 1_000_000]) { $1 })

  private static let qwen2Experts = Architecture(
    experts: Experts(
      router: "mlp.gate", list: "mlp.experts", normalizes: "norm_topk_prob",
      shared: ("mlp.shared_expert", "mlp.shared_expert_gate", "shared_expert_intermediate_size")),
    projectionBias: .key("qkv_bias"), defaults: common.merging(["qkv_bias": true]) { $1 },
    required: ["use_sliding_window": [false]])

  private static let qwen3Experts = Architecture(
    headNorms: ("self_attn.q_norm", "self_attn.k_norm"),
    experts: Experts(router: "mlp.gate", list: "mlp.experts", normalizes: "norm_topk_prob"),
    projectionBias: .key("attention_bias"), attentionOutputBias: .key("attention_bias"), defaults: common,
    required: ["use_sliding_window": [false]])

  private static let gpt2 = Architecture(
    prefixes: ["transformer.", ""], embedding: "wte", blocks: "h", finalNorm: "ln_f", norm: .layer,
    positions: .learned(name: "wpe", offset: 0), attentionNorm: "ln_1", projections: .fused("attn.c_attn"),
    attentionOutput: "attn.c_proj", feedForwardNorm: "ln_2", feedForward: .plain(up: "mlp.c_fc", down: "mlp.c_proj"),
    projectionBias: .always, attentionOutputBias: .always, feedForwardBias: .always, storesTransposed: true,
    keys: [
      "hidden_size": "n_embd", "num_hidden_layers": "n_layer", "num_attention_heads": "n_head",
      "max_position_embeddings": "n_positions", "intermediate_size": "n_inner", "hidden_act": "activation_function",
      "rms_norm_eps": "layer_norm_epsilon",
    ],
    defaults: [
      "activation_function": "gelu_new", "layer_norm_epsilon": 1e-5,
      "tie_word_embeddings": true,
    ],
    required: ["scale_attn_weights": [true], "scale_attn_by_inverse_layer_idx": [false]],
    ignoredTensors: [".attn.bias", ".attn.masked_bias"])

  private static let opt = Architecture(
    prefixes: ["model.decoder.", "decoder."], finalNorm: "final_layer_norm", norm: .layer,
    positions: .learned(name: "embed_positions", offset: 2), attentionNorm: "self_attn_layer_norm",
    attentionOutput: "self_attn.out_proj", feedForwardNorm: "final_layer_norm",
    feedForward: .plain(up: "fc1", down: "fc2"), projectionBias: .always, attentionOutputBias: .always,
    feedForwardBias: .always, keys: ["intermediate_size": "ffn_dim", "hidden_act": "activation_function"],
    defaults: [
      "activation_function": "relu", "rms_norm_eps": 1e-5, "tie_word_embeddings": true,
    ],
    required: [
      "do_layer_norm_before": [true], "_remove_final_layer_norm": [false], "enable_bias": [true],
      "layer_norm_elementwise_affine": [true],
    ])
}
