/// Writes a model folder with some linear modules quantized and everything else as it was.
///
/// Tensors that are not replaced are copied byte for byte from the mapped source, piece by piece; a module's tensors are made
/// when they are written, so memory holds one module's at a time.
public struct CheckpointWriter: Sendable {
  /// The folder that is read.
  public let source: String
  /// The folder that is written.
  public let destination: String
  /// The modules that are replaced.
  public let forms: [ModuleForm]
  /// The type of the scales that `write` expects: the model's for compressed-tensors, float16 for GPTQ.
  public let scaleType: FloatType
  let options: CheckpointOptions
  let configuration: ConfigurationFile
  let sideFiles: SideFiles
  private let prefix: TensorPrefix
  private let ignored: [String]
  private let inBlock: [String]?

  /// Checks source, destination and modules before any work is done.
  ///
  /// - Parameters:
  ///   - checksDestination: whether this writer will write; if not, only source and modules are checked.
  ///   - forms: the modules that will be quantized.
  ///   - ignored: the names of all other linear modules, the output head included.
  ///   - prefix: how tensors are called in the output.
  ///
  /// Throws `ModelError`: the source is quantized already or damaged, the destination exists and is not empty, a module's
  /// weight is not in the source with its shape, or the format cannot store a module.
  init(
    source: String, destination: String, checksDestination: Bool = true, forms: [ModuleForm], ignored: [String],
    prefix: TensorPrefix = TensorPrefix(), options: CheckpointOptions
  ) throws(ModelError) {
    self.source = source
    self.destination = checksDestination ? try CheckpointFolder.checked(destination) : destination
    (self.forms, self.options, self.ignored, self.prefix) = (forms, options, ignored, prefix)
    configuration = try ConfigurationFile(folder: source)
    sideFiles = try SideFiles(folder: source)
    let stored = Dictionary(try Self.tensors(of: source).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    scaleType = try Self.scaleType(source: source, format: options.format)
    try Self.check(forms, stored: stored, ignored: ignored, format: options.format)
    inBlock = options.format == .gptq ? try Self.modulesInBlock(forms, ignored: ignored) : nil
  }

  /// The type of scales: float16 for GPTQ, else the one in which transformers loads the model, which is what `config.json`
  /// says, or the type of the first floating-point tensor. Throws if the model is quantized already.
  public static func scaleType(source: String, format: CheckpointFormat) throws(ModelError) -> FloatType {
    let configuration = try ConfigurationFile(folder: source)
    if format == .gptq { return .float16 }
    if let type = configuration.floatType { return type }
    guard let type = try tensors(of: source).lazy.compactMap({ FloatType(dtype: $0.dtype) }).first else {
      throw .unsupported(path: source, reason: "config.json names no dtype, and there are no float weights")
    }
    return type
  }

  /// All tensors of a model folder, in the order of their names.
  static func tensors(of folder: String) throws(ModelError) -> [StoredTensor] {
    let files = try CheckpointFiles(folder: folder)
    var tensors: [StoredTensor] = []
    for file in files.names {
      tensors += try SafetensorsFile.contents(of: folder + "/" + file).filter { files.holds($0.name, in: file) }
    }
    try files.check(Set(tensors.map(\.name)), folder: folder)
    return tensors.sorted { $0.name < $1.name }
  }

  /// Writes the folder: complete, or not at all. `modules` are those of the forms, in any order.
  public func write(_ modules: [QuantizedModule]) throws(ModelError) {
    guard Set(modules.map(\.form)) == Set(forms), modules.count == forms.count else {
      throw .doesNotFit(name: destination, reason: "the modules are not those that were announced")
    }
    for module in modules { try module.check(scaleType: scaleType) }
    try write(streamed: modules.map { StreamedModule($0) })
  }

  /// Writes the folder from modules that are fetched one by one; `modules` are those of the forms, in any order.
  func write(streamed modules: [StreamedModule]) throws(ModelError) {
    let byWeight = Dictionary(uniqueKeysWithValues: modules.map { ("\($0.form.name).weight", $0) })
    var outgoing: [OutgoingTensor] = []
    for tensor in try Self.tensors(of: source) {
      if let module = byWeight[tensor.name] {
        outgoing +=
          options.format == .gptq ? module.gptqTensors() : module.compressedTensors(scaleType: scaleType)
      } else {
        outgoing.append(
          OutgoingTensor(name: tensor.name, dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.bytes))
      }
    }
    for index in outgoing.indices { outgoing[index].name = prefix.written(outgoing[index].name) }
    let folder = try CheckpointFolder(path: destination)
    let shards = Shards(outgoing, limit: options.shardLimit)
    for file in shards.files {
      try SafetensorsFile.write(
        file.tensors, metadata: [("format", "pt")], to: folder.temporaryPath + "/" + file.name)
    }
    if let index = shards.index { try folder.write(index, to: "model.safetensors.index.json") }
    try sideFiles.copy(to: folder)
    let ignored = ignored.map(prefix.written)
    let quantization: String
    switch options.format {
    case .compressedTensors:
      quantization = QuantizationConfiguration.compressedTensors(
        forms.map { form in
          var form = form
          form.name = prefix.written(form.name)
          return form
        }, ignored: ignored)
    case .gptq:
      quantization = QuantizationConfiguration.gptq(
        forms[0].scheme, inBlock: inBlock, ignored: ignored, options: options)
      try folder.write(quantization + "\n", to: "quantize_config.json")
    }
    try folder.write(configuration.adding(quantization: quantization), to: "config.json")
    try folder.commit()
  }

  /// Bytes of the tensors that replace a module's weight.
  public func storedByteCount(_ form: ModuleForm) -> Int {
    let empty = StreamedModule(QuantizedModule(form: form, codes: [], scales: [], zeroPoints: []))
    let tensors = options.format == .gptq ? empty.gptqTensors() : empty.compressedTensors(scaleType: scaleType)
    return tensors.reduce(0) { $0 + $1.byteCount }
  }
}
