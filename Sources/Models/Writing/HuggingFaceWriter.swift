import Graphs

/// Writes a language model's folder with its Linear modules packed.
struct HuggingFaceWriter: QuantizedModelWriter {
  private let checkpoint: CheckpointWriter
  private let forms: [ModuleForm]
  private let format: CheckpointFormat

  var summary: String { "\(format.rawValue), scales in \(checkpoint.scaleType.rawValue)" }

  /// Checks that the modules of `layers` can be written to `options.path`. Throws as `CheckpointWriter` does.
  init(
    _ model: HuggingFaceModel, _ layers: [SolvedLayer.Form], _ options: WritingOptions
  ) throws(ModelError) {
    let modules = Dictionary(try model.linearModules().map { ($0.weight, $0) }, uniquingKeysWith: { first, _ in first })
    var forms: [ModuleForm] = []
    for layer in layers {
      guard let module = modules[layer.layer.name] else {
        throw .doesNotFit(name: layer.layer.name, reason: "it is no weight of a Linear module")
      }
      forms.append(try ModuleForm(layer, module))
    }
    let quantized = Set(forms.map(\.name))
    let ignored = try model.linearNames().filter { !quantized.contains($0) }
    (self.forms, format) = (forms, options.checkpoint.format)
    checkpoint = try CheckpointWriter(
      source: model.path, destination: options.path, checksDestination: options.checksPath, forms: forms,
      ignored: ignored,
      prefix: TensorPrefix(stored: model.prefix, written: model.architecture.prefixes[0]), options: options.checkpoint)
  }

  func write(_ layers: any SolvedLayers) throws(ModelError) {
    precondition(layers.count == forms.count, "\(layers.count) layers, \(forms.count) were announced")
    try checkpoint.write(
      streamed: forms.enumerated().map { index, form in
        StreamedModule(form, layers, index: index, scaleType: checkpoint.scaleType)
      })
  }

  func storedByteCount(_ form: SolvedLayer.Form) -> Int {
    guard let index = forms.firstIndex(where: { "\($0.name).weight" == form.layer.name }) else { return 0 }
    return checkpoint.storedByteCount(forms[index])
  }
}

extension ModuleForm {
  /// The form of `module`, whose weight `solved` is. Throws if it has one scale for all weights.
  fileprivate init(_ solved: SolvedLayer.Form, _ module: LinearModule) throws(ModelError) {
    let groupSize: Int?
    switch solved.granularity {
    case .tensor:
      throw .doesNotFit(
        name: module.name, reason: "language models have no scale for a whole tensor; choose channel or group")
    case .channel: groupSize = nil
    case .group(let size): groupSize = size
    }
    self.init(
      name: module.name, rows: solved.layer.rows, columns: solved.layer.columns, bits: solved.bits,
      isSymmetric: solved.isSymmetric, groupSize: groupSize)
    isTransposed = module.isTransposed
  }
}

extension HuggingFaceModel {
  /// The names of all Linear modules, the output head and others that are never quantized included.
  func linearNames() throws(ModelError) -> [String] {
    var lowering = DecoderLowering(self, positions: 1)
    return try lowering.run(.whole).nodes.filter { $0.kind == .gemm }.map(\.name)
  }
}
