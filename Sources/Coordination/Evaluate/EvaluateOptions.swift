/// What a user asks of an evaluation.
public struct EvaluateOptions: Sendable {
  /// The model to run.
  public var model: String
  /// The samples: a file or a folder of files.
  public var data: String
  /// Class labels, one integer per sample; nil for none.
  public var labels: String?
  /// A model whose outputs are the truth, usually the float one; nil for none.
  public var reference: String?
  /// At most this many samples, from the first; nil for all.
  public var samples: Int?
  /// What is done to samples before the models see them.
  public var normalization = SampleNormalization()
  /// Threads of each rank.
  public var threads = 1
  /// Where all outputs are written as safetensors; nil for nowhere.
  public var outputs: String?
  /// Where the report is written as JSON; nil for nowhere.
  public var report: String?

  /// Options with every default but the two paths.
  public init(model: String, data: String) { (self.model, self.data) = (model, data) }
}
