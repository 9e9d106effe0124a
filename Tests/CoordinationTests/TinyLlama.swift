import Foundation

/// A Llama of two blocks with random weights, hidden size 64, 96 tokens: a folder that is made by hand.
enum TinyLlama {
  static let vocabulary = 96

  /// The tensors' shapes by name.
  static var shapes: [(name: String, shape: [Int])] {
    var shapes = [("model.embed_tokens.weight", [vocabulary, 64]), ("model.norm.weight", [64])]
    for block in 0..<2 {
      let name = "model.layers.\(block)."
      shapes += [
        (name + "input_layernorm.weight", [64]), (name + "post_attention_layernorm.weight", [64]),
        (name + "self_attn.q_proj.weight", [64, 64]), (name + "self_attn.k_proj.weight", [32, 64]),
        (name + "self_attn.v_proj.weight", [32, 64]), (name + "self_attn.o_proj.weight", [64, 64]),
        (name + "mlp.gate_proj.weight", [128, 64]), (name + "mlp.up_proj.weight", [128, 64]),
        (name + "mlp.down_proj.weight", [64, 128]),
      ]
    }
    return shapes
  }

  /// A byte-level tokenizer without merges: a token for each printable byte of ASCII.
  private static var tokenizer: String {
    let vocabulary = (33..<127).map { byte -> String in
      let character = byte == 34 ? "\\\"" : byte == 92 ? "\\\\" : String(UnicodeScalar(UInt8(byte)))
      return "\"\(character)\": \(byte - 33)"
    }
    return """
      {"version": "1.0", "truncation": null, "padding": null, "added_tokens": [], "normalizer": null,
       "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true},
       "post_processor": null, "decoder": {"type": "ByteLevel", "add_prefix_space": true, "trim_offsets": true,
       "use_regex": true}, "model": {"type": "BPE", "dropout": null, "unk_token": null,
       "continuing_subword_prefix": null, "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false,
       "vocab": {\(vocabulary.joined(separator: ", "))}, "merges": []}}
      """
  }

  /// Writes the folder.
  static func write(to folder: URL) throws {
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    let configuration = """
      {"architectures": ["LlamaForCausalLM"], "model_type": "llama", "dtype": "bfloat16", "hidden_size": 64,
       "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2,
       "vocab_size": \(vocabulary), "max_position_embeddings": 64, "rms_norm_eps": 1e-05, "rope_theta": 10000.0,
       "hidden_act": "silu", "tie_word_embeddings": true}
      """
    try Data(configuration.utf8).write(to: folder.appending(path: "config.json"))
    try Data(tokenizer.utf8).write(to: folder.appending(path: "tokenizer.json"))
    var header: [String] = []
    var data = Data()
    for (index, (name, shape)) in shapes.enumerated() {
      let count = shape.reduce(1, *)
      let noise = TinyNetwork.noise(count, seed: UInt64(index + 1))
      // The upper half of a float32 is a bfloat16.
      let values = noise.map { UInt16((shape.count == 1 ? 1 + 0.1 * $0 : 0.2 * $0).bitPattern >> 16) }
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

  /// A `.npy` file of int32 token ids, `sequences` x `length`; `token` replaces the last one.
  static func tokens(sequences: Int, length: Int, token: Int32? = nil) -> Data {
    var ids = TinyNetwork.noise(sequences * length, seed: 77).map { Int32(abs($0) * Float(vocabulary - 1)) }
    if let token { ids[ids.count - 1] = token }
    var header = "{'descr': '<i4', 'fortran_order': False, 'shape': (\(sequences), \(length)), }"
    header += String(repeating: " ", count: 117 - header.count) + "\n"
    var file = Data([0x93] + "NUMPY".utf8 + [1, 0, UInt8(header.utf8.count), 0] + header.utf8)
    ids.withUnsafeBytes { file.append(contentsOf: $0) }
    return file
  }
}
