import Models
import Quantization

/// Everything that a user decides about a quantization, as the command line gives it.
public struct QuantizeOptions: Sendable {
  /// Which weights the activations are computed with that later layers are calibrated on.
  public enum Propagation: String, Sendable, CaseIterable, Codable {
    /// Stage by stage, with the weights quantized so far.
    case quantized
    /// All stages in one pass, with the model's own weights.
    case float
  }

  /// How the codes are stored in the written model.
  public enum Storage: String, Sendable, CaseIterable, Codable {
    /// One code per byte; readable from operator set 13 on.
    case int8
    /// Two codes of up to 4 bits per byte; operator set 21.
    case packed
  }

  /// The model to read.
  public var model: String
  /// The samples: a file or a folder of files.
  public var calibration: String
  /// Where the quantized model is written.
  public var output: String
  /// Bits, symmetry and granularity of every layer that `rules` do not name.
  public var scheme: QuantizationScheme
  /// Whether the size of groups is the largest of 128, 64 and 32 that divides the columns of every layer, whatever `scheme`
  /// says. Language models only.
  public var choosesGroupSize = false
  /// Layers that are kept, or have other bits.
  public var rules: [LayerRule] = []
  /// Compensation in one order, exact OBQ, or plain rounding.
  public var method: Method = .compensate
  /// The order of columns; OBQ has one for each row.
  public var order: ColumnOrder = .pivot
  /// How steps are searched.
  public var grid: GridSearch = .l24
  /// How hard codes are looked for.
  public var effort: Effort = .balanced
  /// Damping to start with, as a share of the mean of the Hessian's diagonal.
  public var damping = 0.03
  /// Whether biases (and, along quantized activations, scales) change so that each channel keeps its mean output (and its
  /// deviation) on the calibration samples.
  public var correctsOutputs = true
  /// How far each layer's weights move towards those that undo the drift of its inputs, 0 (not at all) to 1; without
  /// effect on float activations and plain rounding.
  public var driftCorrection = 1.0
  /// With fewer tokens than this times its columns, an expert's layer is also calibrated on tokens that came next to choosing
  /// the expert; 0 for never.
  public var expertTokens = 4.0
  /// Which weights activations are computed with.
  public var propagation: Propagation = .quantized
  /// Share of the samples that nothing is fitted to, on which each layer's loss is measured; 0 for none.
  public var heldOut = 0.125
  /// How codes are stored.
  public var storage: Storage = .int8
  /// How the folder of a language model stores codes.
  public var format = CheckpointFormat.compressedTensors
  /// The program's name and version, for what is written.
  public var program = "rankwise"
  /// At most this many samples, from the first; nil for all. Of a text this many sequences are drawn; nil for 128, or fewer
  /// if there are fewer.
  public var samples: Int?
  /// Tokens of a sequence, where a language model's token ids are not in sequences already; nil for 2048, or fewer if the
  /// model takes fewer.
  public var sequenceLength: Int?
  /// Chooses the sequences that are drawn from a text.
  public var seed: UInt64 = 0
  /// What is done to samples before the model sees them.
  public var normalization = SampleNormalization()
  /// What the products of a language model's layers are computed in.
  public var compute = ComputeType.float32
  /// Threads of this rank.
  public var threads = 1
  /// How work is cut over ranks.
  public var balance = Balance.auto
  /// What is done where an interrupted run left a journal.
  public var start = JournalStart.fresh
  /// The bytes that each rank may hold; nil for as many as it likes.
  public var memoryLimit: Int?
  /// The folder for activations above that; nil for the one that the output is in.
  public var scratch: String?
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?
  /// Where the trace of all ranks is written; nil for nowhere.
  public var trace: String?

  /// Options with every default but the three paths and the scheme.
  public init(model: String, calibration: String, output: String, scheme: QuantizationScheme) {
    (self.model, self.calibration, self.output, self.scheme) = (model, calibration, output, scheme)
  }

  /// Whether the model at `path` is a language model, whose defaults differ: a folder.
  public static func isLanguageModel(_ path: String) -> Bool { SourceModels.isFolder(path) }

  /// Whether samples of the model at `model` are drawn from a text at `calibration`, which only rank 0 reads.
  public static func drawsFromText(model: String, calibration: String) -> Bool {
    isLanguageModel(model) && TokenSource.isText(calibration)
  }

  /// Whether the model is a language model.
  var isLanguageModel: Bool { Self.isLanguageModel(model) }

  /// The model and its samples.
  var calibrationSource: CalibrationSource {
    CalibrationSource(
      model: model, path: calibration, samples: samples, sequenceLength: sequenceLength, seed: seed,
      normalization: normalization, compute: compute)
  }

  /// The order that columns are factored in: OBQ needs none, and its results must not depend on one.
  var factorOrder: ColumnOrder { method == .obq ? .natural : order }

  /// The order of columns, for people.
  var orderDescription: String {
    switch method {
    case .compensate: order.rawValue
    case .obq: "per row"
    case .round: "-"
    }
  }
}
