/// What a user asks of the perplexity of a language model.
public struct PerplexityOptions: Sendable {
  /// What the model is to predict.
  public enum Source: Sendable {
    /// Token ids: a `.npy` file of integers, one sequence or windows x length.
    case tokens(String)
    /// A text, plain or JSON lines, that the tokenizer of the folder encodes.
    case text(String)
  }

  /// The folder of the model.
  public var model: String
  /// What the model is to predict.
  public var source: Source
  /// Tokens of a window into which one sequence is cut; nil for 2048, or fewer if the model takes fewer.
  public var sequenceLength: Int?
  /// At most this many windows, from the first; nil for all.
  public var windows: Int?
  /// Threads of each rank.
  public var threads = 1
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?

  /// Options with every default but the model and what it predicts.
  public init(model: String, source: Source) { (self.model, self.source) = (model, source) }

  /// The windows that are predicted.
  var tokenSource: TokenSource {
    let (path, isText) =
      switch source {
      case .tokens(let path): (path, false)
      case .text(let path): (path, true)
      }
    return TokenSource(path: path, isText: isText, length: sequenceLength, selection: .first(windows))
  }
}
