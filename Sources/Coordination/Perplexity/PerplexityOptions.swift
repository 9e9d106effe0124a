/// What a user asks of the perplexity of a language model.
public struct PerplexityOptions: Sendable {
  /// The folder of the model.
  public var model: String
  /// Token ids: a `.npy` file of integers, one sequence or windows x length.
  public var tokens: String
  /// Tokens of a window into which one sequence is cut.
  public var sequenceLength = 2048
  /// At most this many windows, from the first; nil for all.
  public var windows: Int?
  /// Threads of each rank.
  public var threads = 1
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?

  /// Options with every default but the two paths.
  public init(model: String, tokens: String) { (self.model, self.tokens) = (model, tokens) }
}
