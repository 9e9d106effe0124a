/// Why a run stops; every description says where, what, which value, and what to do.
public enum CoordinationError: Error, CustomStringConvertible {
  /// A pattern of `--keep` or `--bits-for` names no layer.
  case patternMatchesNothing(pattern: String, example: String)
  /// The model has nothing that can be quantized.
  case noLayers(model: String)
  /// The samples do not fit the model's inputs.
  case samplesDoNotFit(path: String, reason: String)
  /// A layer's calibration inputs cannot be used.
  case calibration(layer: String, samples: String, reason: String)
  /// A layer cannot be quantized.
  case layer(name: String, reason: String)
  /// Labels do not fit the model's outputs or the samples.
  case labels(path: String, reason: String)
  /// Token ids do not fit the language model.
  case tokens(path: String, reason: String)
  /// The output path cannot be written to.
  case output(path: String, reason: String)
  /// A file of the model or the samples cannot be read by a node, or not be sent to it.
  case access(path: String, reason: String)
  /// A model was given without samples to measure it on.
  case noSamples(model: String)
  /// What was asked to compute in is not there.
  case compute(_ reason: String)
  /// A file of layers cannot be used.
  case layerSet(path: String, reason: String)
  /// What a variant to compare says is not understood.
  case variant(text: String, reason: String)
  /// An environment variable has a value that means nothing.
  case environment(variable: String, value: String, wanted: String)
  /// The file of a machine cannot be used.
  case machine(path: String, reason: String)
  /// A run does not fit into the memory of its nodes.
  case doesNotFit(_ reason: String)
  /// Activations above the memory limit cannot be put away.
  case scratch(folder: String, reason: String)
  /// A journal of an interrupted run cannot be used or written.
  case journal(path: String, reason: String)
  /// The run was asked to end before it was complete.
  case stopped(_ reason: String)
  /// A trace file cannot be read.
  case trace(path: String, reason: String)
  /// Elements arrived that were not sent.
  case communication(wrong: Int)
  /// A model to compare with differs in its outputs.
  case reference(path: String, reason: String)

  /// What is wrong, and what to do.
  public var description: String {
    switch self {
    case .patternMatchesNothing(let pattern, let example):
      "no layer matches the pattern \"\(pattern)\"; names look like \"\(example)\" (rankwise inspect lists them)"
    case .noLayers(let model): "\(model): no Conv, Gemm or MatMul with a constant float32 weight was found"
    case .samplesDoNotFit(let path, let reason): "\(path): \(reason)"
    case .calibration(let layer, let samples, let reason): "\(layer), \(samples): \(reason)"
    case .layer(let name, let reason): "\(name): \(reason)"
    case .labels(let path, let reason): "\(path): \(reason)"
    case .tokens(let path, let reason): "\(path): \(reason)"
    case .output(let path, let reason): "\(path): \(reason)"
    case .machine(let path, let reason): "\(path): \(reason)"
    case .access(let path, let reason): "\(path): \(reason)"
    case .doesNotFit(let reason): reason
    case .scratch(let folder, let reason):
      "\(folder): activations above --memory-limit cannot be put there: \(reason); give another folder with --scratch"
    case .journal(let path, let reason): "\(path): \(reason)"
    case .stopped(let reason): reason
    case .trace(let path, let reason): "\(path): \(reason)"
    case .reference(let path, let reason): "\(path): \(reason)"
    case .noSamples(let model): "\(model): a model needs samples; give them with --calibration"
    case .compute(let reason): reason
    case .communication(let wrong):
      "\(wrong) elements arrived that were not sent; the network or the MPI library is broken, see #wrong in the table"
    case .layerSet(let path, let reason): "\(path): \(reason)"
    case .environment(let variable, let value, let wanted): "\(variable) is \"\(value)\"; it must be \(wanted)"
    case .variant(let text, let reason): "\"\(text)\": \(reason)"
    }
  }
}
