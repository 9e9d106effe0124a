import Foundation
import Graphs
import Models
import Tokenization

extension SampleFeed {
  /// The calibration samples that the options name. A language model's limit of positions becomes their length.
  init(options: QuantizeOptions, model: inout any SourceModel) throws {
    guard var language = model as? HuggingFaceModel else {
      try self.init(
        samples: try SampleSet(path: options.calibration), path: options.calibration, graph: try model.graph(),
        limit: options.samples, normalization: options.normalization)
      return
    }
    let windows = try Self.windows(options, language)
    language.positionLimit = windows.length
    model = language
    let graph = try language.graph()
    try self.init(
      samples: SampleSet(
        windows.tensor(0..<windows.count), name: graph.values[graph.inputs[0]].name, path: options.calibration),
      path: options.calibration, graph: graph, limit: nil, normalization: SampleNormalization())
  }

  /// The calibration sequences of a language model: token ids from a file of arrays, or drawn from a text.
  private static func windows(_ options: QuantizeOptions, _ model: HuggingFaceModel) throws -> TokenWindows {
    let path = options.calibration
    let length = options.sequenceLength ?? min(2048, model.maximumPositions)
    let windows: TokenWindows
    if options.drawsFromText {
      let corpus = try TextCorpus(contentsOf: path, tokenizer: try Tokenizer(contentsOf: options.model))
      let count = options.samples ?? min(128, max(1, corpus.ids.count / length))
      let drawn = try corpus.samples(count: count, length: length, seed: options.seed)
      windows = try TokenWindows(
        drawn.flatMap { $0.map(Int64.init) }, length: length, limit: nil, vocabulary: model.vocabularySize, path: path)
    } else {
      windows = try TokenWindows(
        path: path, length: length, limit: options.samples, vocabulary: model.vocabularySize)
    }
    guard windows.length <= model.maximumPositions else {
      throw CoordinationError.tokens(
        path: path,
        reason: "sequences of \(windows.length) tokens, but the model takes \(model.maximumPositions) at most; "
          + "give a shorter --sequence-length")
    }
    return windows
  }
}

extension QuantizeOptions {
  /// Whether calibration sequences are drawn from a text: its file is none of arrays.
  var drawsFromText: Bool {
    isLanguageModel && !SourceModels.isFolder(calibration)
      && !["npy", "npz", "safetensors"].contains((calibration as NSString).pathExtension.lowercased())
  }
}
