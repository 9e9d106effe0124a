import Foundation
import MPI
import Models
import Tokenization

/// Where the sequences of a language model come from: a file of token ids, or a text, which the model's own tokenizer encodes.
struct TokenSource: Sendable {
  /// Which of the windows of a text are taken; they lie one behind the other from its first token on.
  enum Selection: Sendable {
    /// All, or as many as given.
    case first(Int?)
    /// So many different ones, chosen by a seed; nil for 128, or fewer if the text has fewer.
    case drawn(Int?, seed: UInt64)
  }

  /// The file.
  var path: String
  /// Whether it is a text, and not an array of ids.
  var isText: Bool
  /// Tokens of a window; nil for 2048, or fewer if the model takes fewer. A file of ids in windows has its own.
  var length: Int?
  /// Which windows of a text; of a file of ids the first.
  var selection: Selection

  /// Whether the file at `path` is taken for a text: its name is not that of a file of arrays.
  static func isText(_ path: String) -> Bool {
    !SourceModels.isFolder(path)
      && !["npy", "npz", "safetensors"].contains(FilePath.ending(of: path))
  }

  /// The windows that `model` is run on, the same on all ranks. Collective.
  ///
  /// A text is read and encoded on rank 0 only, and the ids of the windows sent to all. Throws on every rank if the file
  /// cannot be read, or its ids or its length do not fit the model.
  func windows(for model: HuggingFaceModel, _ world: borrowing Communicator) throws -> TokenWindows {
    let length = length ?? min(2048, model.maximumPositions)
    let windows: TokenWindows
    if isText {
      let (encoded, total) = try world.collectively {
        // Before a long text is encoded in vain.
        try check(length: length, of: model)
        return try world.rank == 0 ? encode(length: length, model) : ([], 0)
      }
      let ids = try world.broadcastValue(encoded, waiting: .polite).map(Int64.init)
      let count = Int(try world.broadcastValue(Int64(total), waiting: .polite))
      windows = try world.collectively {
        try TokenWindows(
          ids, length: length, limit: nil, vocabulary: model.vocabularySize, path: path, tokenCount: count)
      }
    } else {
      windows = try world.collectively {
        let windows = try TokenWindows(path: path, length: length, limit: limit, vocabulary: model.vocabularySize)
        try check(length: windows.length, of: model)
        return windows
      }
    }
    return windows
  }

  private var limit: Int? {
    switch selection {
    case .first(let limit): limit
    case .drawn(let count, _): count
    }
  }

  private func check(length: Int, of model: HuggingFaceModel) throws(CoordinationError) {
    guard length <= model.maximumPositions else {
      throw .tokens(
        path: path,
        reason: "sequences of \(length) tokens, but the model takes \(model.maximumPositions) at most; "
          + "give a shorter --sequence-length")
    }
  }

  /// The ids of the windows, one behind the other, and the number of tokens of the whole text.
  private func encode(length: Int, _ model: HuggingFaceModel) throws -> (ids: [Int32], total: Int) {
    let corpus = try TextCorpus(contentsOf: path, tokenizer: try Tokenizer(contentsOf: model.path))
    let windows = corpus.ids.count / length
    guard windows > 0 else {
      throw CoordinationError.tokens(
        path: path,
        reason: "it has \(corpus.ids.count) tokens, less than one sequence of \(length); give more text, or a shorter "
          + "--sequence-length")
    }
    switch selection {
    case .first(let limit):
      return (Array(corpus.ids[..<(min(windows, limit ?? windows) * length)]), corpus.ids.count)
    case .drawn(let count, let seed):
      let drawn = try corpus.samples(count: count ?? min(128, windows), length: length, seed: seed)
      return (Array(drawn.joined()), corpus.ids.count)
    }
  }
}
