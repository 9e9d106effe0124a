import Foundation

/// A Qwen3-MoE or a Mixtral of two blocks, hidden size 64, with 8 experts of width 64 of which a token uses 2: a folder that
/// is made by hand. Embeddings have few directions in common, as trained ones do, so that inputs are correlated.
enum TinyExperts {
  static let experts = 8
  static let chosen = 2
  static let modelTypes = ["qwen3_moe", "mixtral"]

  /// The tensors' shapes by name.
  private static func shapes(_ type: String) -> [(name: String, shape: [Int])] {
    let vocabulary = TinyLlama.vocabulary
    var shapes = [
      ("model.embed_tokens.weight", [vocabulary, 64]), ("model.norm.weight", [64]),
      ("lm_head.weight", [vocabulary, 64]),
    ]
    let isMixtral = type == "mixtral"
    for block in 0..<2 {
      let name = "model.layers.\(block)."
      shapes += [
        (name + "input_layernorm.weight", [64]), (name + "post_attention_layernorm.weight", [64]),
        (name + "self_attn.q_proj.weight", [64, 64]), (name + "self_attn.k_proj.weight", [32, 64]),
        (name + "self_attn.v_proj.weight", [32, 64]), (name + "self_attn.o_proj.weight", [64, 64]),
      ]
      if !isMixtral {
        shapes += [(name + "self_attn.q_norm.weight", [16]), (name + "self_attn.k_norm.weight", [16])]
      }
      let mixture = name + (isMixtral ? "block_sparse_moe." : "mlp.")
      shapes.append((mixture + "gate.weight", [experts, 64]))
      for expert in 0..<experts {
        for module in isMixtral ? ["w1", "w3", "w2"] : ["gate_proj", "up_proj", "down_proj"] {
          shapes.append(("\(mixture)experts.\(expert).\(module).weight", [64, 64]))
        }
      }
    }
    return shapes
  }

  /// Writes the folder.
  static func write(_ type: String, to folder: URL) throws {
    try TinyLlama.write(to: folder)
    let isMixtral = type == "mixtral"
    let counts =
      isMixtral
      ? "\"num_local_experts\": \(experts), \"intermediate_size\": 64"
      : "\"num_experts\": \(experts), \"intermediate_size\": 128, \"moe_intermediate_size\": 64, \"norm_topk_prob\": true"
    let configuration = """
      {"architectures": ["\(isMixtral ? "MixtralForCausalLM" : "Qwen3MoeForCausalLM")"], "model_type": "\(type)",
       "dtype": "bfloat16", "hidden_size": 64, \(counts), "num_experts_per_tok": \(chosen), "head_dim": 16,
       "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "vocab_size": \(TinyLlama.vocabulary), "max_position_embeddings": 64, "rms_norm_eps": 1e-05,
       "rope_theta": 10000.0, "hidden_act": "silu", "tie_word_embeddings": false}
      """
    try Data(configuration.utf8).write(to: folder.appending(path: "config.json"))
    var header: [String] = []
    var data = Data()
    for (index, (name, shape)) in shapes(type).enumerated() {
      let values = values(name, shape, seed: UInt64(index + 1)).map { UInt16($0.bitPattern >> 16) }
      let start = data.count
      values.withUnsafeBytes { data.append(contentsOf: $0) }
      header.append(
        "\"\(name)\": {\"dtype\": \"BF16\", \"shape\": \(shape), \"data_offsets\": [\(start), \(data.count)]}")
    }
    let text = Data("{\(header.joined(separator: ", "))}".utf8)
    var file = withUnsafeBytes(of: UInt64(text.count).littleEndian) { Data($0) }
    file += text + data
    try file.write(to: folder.appending(path: "model.safetensors"))
  }

  private static func values(_ name: String, _ shape: [Int], seed: UInt64) -> [Float] {
    let noise = TinyNetwork.noise(shape.reduce(1, *), seed: seed)
    if shape.count == 1 { return noise.map { 1 + 0.1 * $0 } }
    if name.hasSuffix("gate.weight") { return noise.map { 0.5 * $0 } }
    guard name.contains("embed_tokens") else { return noise.map { 0.2 * $0 } }
    let (rows, columns, directions) = (shape[0], shape[1], 8)
    let places = TinyNetwork.noise(rows * directions, seed: 1001)
    let basis = TinyNetwork.noise(directions * columns, seed: 1002)
    return (0..<rows * columns).map { index in
      let (row, column) = (index / columns, index % columns)
      let shared = (0..<directions).reduce(Float(0)) {
        $0 + places[row * directions + $1] * basis[$1 * columns + column]
      }
      return shared + 0.15 * noise[index]
    }
  }
}
