import Foundation

/// A language model's perplexity, as it is printed and written as JSON.
public struct PerplexityReport: Codable, Sendable {
  /// `perplexity`.
  public var command = "perplexity"
  /// Folder of the model.
  public var model: String
  /// The file of token ids; nil if a text was tokenized.
  public var tokens: String?
  /// The text; nil if its tokens were given.
  public var text: String?
  /// Number of ranks.
  public var ranks: Int
  /// Threads of each rank.
  public var threads: Int
  /// Tokens of the file; those that fill no window, and windows that were not asked for, are not used.
  public var tokenCount: Int
  /// Number of windows.
  public var windows: Int
  /// Tokens of a window.
  public var sequenceLength: Int
  /// Tokens that were predicted: all of a window but the first.
  public var predicted: Int
  /// Mean of -log p over the predicted tokens, in nats.
  public var meanLoss: Double
  /// exp of `meanLoss`.
  public var perplexity: Double
  /// Wall time by phase over the ranks.
  public var phases: [PhaseTime]

  /// The lines that rank 0 prints.
  public var lines: [String] {
    [
      "\(model) on \(text ?? tokens ?? ""), \(tokenCount) tokens",
      String(
        format: "perplexity: %.4f (mean loss %.6f nats over %d tokens, %d windows of %d)", perplexity, meanLoss,
        predicted, windows, sequenceLength), "", "Phases, seconds over \(ranks) \(ranks == 1 ? "rank" : "ranks")",
    ] + PhaseTime.table(phases)
  }
}
