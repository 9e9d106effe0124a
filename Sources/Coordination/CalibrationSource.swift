import Graphs
import MPI
import Models

/// The model of a run and the samples that it is calibrated on, as options name them.
struct CalibrationSource: Sendable {
  /// An ONNX file, or the folder of a language model.
  var model: String
  /// Samples: a file or a folder of files; for a language model also a text.
  var path: String
  /// At most this many samples, from the first; nil for all. Of a text so many sequences are drawn; nil for 128, or fewer
  /// if there are fewer.
  var samples: Int?
  /// Tokens of a sequence; nil for 2048, or fewer if the model takes fewer.
  var sequenceLength: Int?
  /// Chooses the sequences that are drawn from a text.
  var seed: UInt64
  /// What is done to samples before the model sees them.
  var normalization: SampleNormalization
  /// What the products of a language model's layers are computed in.
  var compute = ComputeType.float32

  /// Whether sequences are drawn from a text.
  var drawsFromText: Bool { SourceModels.isFolder(model) && TokenSource.isText(path) }

  /// Reads the model, in the form in which it is quantized, and its samples. Collective; errors are thrown on all ranks.
  ///
  /// The length of the sequences becomes a language model's limit of positions.
  func open(_ timer: PhaseTimer, _ world: borrowing Communicator) throws -> (model: any SourceModel, feed: SampleFeed) {
    try timer.measure(.read) {
      let model = try world.collectively {
        try SourceModels.open(self.model).preparedForQuantization().computing(in: compute.elementType)
      }
      guard var language = model as? HuggingFaceModel else {
        let feed = try world.collectively {
          try SampleFeed(
            samples: try SampleSet(path: path), path: path, graph: try model.graph(), limit: samples,
            normalization: normalization)
        }
        return (model, feed)
      }
      let tokens = TokenSource(
        path: path, isText: drawsFromText, length: sequenceLength, selection: .drawn(samples, seed: seed))
      let windows = try tokens.windows(for: language, world)
      language.positionLimit = windows.length
      let feed = try world.collectively { [language] in
        let graph = try language.graph()
        return try SampleFeed(
          samples: SampleSet(
            windows.tensor(0..<windows.count), name: graph.values[graph.inputs[0]].name, path: path),
          path: path, graph: graph, limit: nil, normalization: SampleNormalization())
      }
      return (language, feed)
    }
  }
}
