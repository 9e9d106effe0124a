import Graphs
import Models
import Tokenization

/// The token ids of a text file by a model's own tokenizer, whole or as samples, written for calibration and evaluation.
public struct TokenizedText: Sendable {
  private let corpus: TextCorpus
  private let idCount: Int

  /// Reads and encodes `text` with the tokenizer of `model`: a folder with `tokenizer.json`, or such a file.
  public init(text: String, model: String) throws {
    let tokenizer = try Tokenizer(contentsOf: model)
    (corpus, idCount) = (try TextCorpus(contentsOf: text, tokenizer: tokenizer), tokenizer.idCount)
  }

  /// Number of tokens.
  public var count: Int { corpus.ids.count }

  /// What was read, in a line.
  public var description: String {
    "\(corpus.documentCount) document\(corpus.documentCount == 1 ? "" : "s"), \(count) tokens of a vocabulary of \(idCount)"
  }

  /// Writes all ids (one dimension), or with `samples` that many windows that `seed` chooses (samples x length), as int64 to
  /// a `.npy` file, complete or not at all. Throws when the text is too short or the file cannot be written.
  public func write(to path: String, samples: Int?, length: Int, seed: UInt64) throws {
    let ids = try samples.map { try corpus.samples(count: $0, length: length, seed: seed) }
    let values = (ids?.flatMap { $0 } ?? corpus.ids).map { Int64($0) }
    let shape = ids.map { [$0.count, length] } ?? [values.count]
    try TensorArchive.write(["": Tensor(values, shape: shape)], to: path)
  }
}
