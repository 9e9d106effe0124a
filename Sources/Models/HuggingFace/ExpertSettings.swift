/// The mixture of experts of a decoder, from its `config.json`.
struct ExpertSettings: Sendable {
  /// Experts of a block.
  let count: Int
  /// Experts that a token uses.
  let chosen: Int
  /// Inner features of an expert.
  let width: Int
  /// Inner features of the expert that all tokens use; nil for none.
  let sharedWidth: Int?
  /// Whether the weights of the chosen experts add up to 1.
  let normalizes: Bool
  /// Which blocks have experts.
  let blocks: [Bool]

  init(_ file: ModelConfiguration, _ experts: Architecture.Experts, blockCount: Int) throws(ModelError) {
    count = try file.size(file["num_local_experts"] != nil ? "num_local_experts" : "num_experts")
    chosen = try file.size("num_experts_per_tok")
    guard chosen <= count else { throw file.refusal("num_experts_per_tok", "there are \(count) experts") }
    width = try file.size(experts.width)
    if let shared = experts.shared { sharedWidth = try file.size(shared.width) } else { sharedWidth = nil }
    if let key = experts.normalizes { normalizes = try file.flag(key) } else { normalizes = true }
    let step = try file.optionalInt("decoder_sparse_step") ?? 1
    let dense = file["mlp_only_layers"] == nil ? [] : try file.numbers("mlp_only_layers").map { Int($0) }
    guard step >= 1 else { throw file.refusal("decoder_sparse_step", "it must be at least 1") }
    blocks = (0..<blockCount).map { ($0 + 1) % step == 0 && !dense.contains($0) }
  }
}
