/// What stands in front of the names of a decoder's tensors.
///
/// A checkpoint that was saved without its output head lacks the prefix of the model with one (`h.0.attn.c_attn.weight`, not
/// `transformer.h.0.attn.c_attn.weight`). transformers reads both, but GPTQModel looks for packed weights by their full names,
/// so those are written.
struct TensorPrefix: Sendable {
  /// In the folder that is read.
  var stored = ""
  /// In the folder that is written.
  var written = ""

  /// The name of the output head, which has no prefix.
  private static let head = "lm_head"

  /// What the tensor or module `name` of the source is called in the output.
  func written(_ name: String) -> String {
    guard stored != written, name.hasPrefix(stored), name != Self.head, !name.hasPrefix(Self.head + ".") else {
      return name
    }
    return written + name.dropFirst(stored.count)
  }
}
