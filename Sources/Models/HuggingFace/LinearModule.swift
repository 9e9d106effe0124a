/// A Linear layer of a model folder: what a writer replaces.
public struct LinearModule: Sendable, Equatable {
  /// The module's name, such as `model.layers.0.self_attn.q_proj`: the name of its node in the graph.
  public var name: String
  /// The tensor of its weight: the name of the layer that `Graph.layers()` finds.
  public var weight: String
  /// The tensor of its bias, if it has one.
  public var bias: String?
  /// Outputs.
  public var rows: Int
  /// Inputs.
  public var columns: Int
  /// Whether the weight is stored as inputs x outputs (GPT-2's `Conv1D`).
  public var isTransposed: Bool
}
