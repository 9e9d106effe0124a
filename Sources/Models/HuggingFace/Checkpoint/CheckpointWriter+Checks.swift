extension CheckpointWriter {
  /// Throws unless the source has each module's weight and `format` can store it.
  static func check(
    _ forms: [ModuleForm], stored: [String: StoredTensor], ignored: [String], format: CheckpointFormat
  ) throws(ModelError) {
    guard let first = forms.first else { throw .doesNotFit(name: "model", reason: "no module is quantized") }
    var names = Set<String>()
    for form in forms {
      let refusal = { (reason: String) -> ModelError in .doesNotFit(name: form.name, reason: reason) }
      guard names.insert(form.name).inserted else { throw refusal("two modules have this name") }
      guard let weight = stored["\(form.name).weight"] else {
        throw refusal("the source has no tensor \(form.name).weight")
      }
      let shape = form.isTransposed ? [form.columns, form.rows] : [form.rows, form.columns]
      guard weight.shape == shape else {
        throw refusal("the weight is stored as \(weight.shape), where \(shape) is expected")
      }
      if form.isTransposed, format != .gptq {
        throw refusal(
          "the weight is stored as inputs x outputs (GPT-2's Conv1D), and transformers reads only Linear modules from "
            + "\(format.rawValue); take --format gptq")
      }
      guard FloatType(dtype: weight.dtype) != nil else {
        throw refusal("the weight has elements of type \(weight.dtype)")
      }
      guard (2...8).contains(form.bits) else { throw refusal("\(form.bits) bits are not 2 to 8") }
      if let size = form.groupSize, size < 1 || form.columns % size != 0 {
        throw refusal(
          "groups of \(size) do not divide \(form.columns) columns; choose a --group-size that divides those of all "
            + "layers, or --granularity channel")
      }
      for name in Self.tensorNames(form, format) where stored[name] != nil {
        throw refusal("the source has a tensor \(name) already; is the model quantized?")
      }
      if format == .gptq { try checkGPTQ(form, first: first) }
    }
    if let name = ignored.first(where: { names.contains($0) }) {
      throw .doesNotFit(name: name, reason: "the module is both quantized and ignored")
    }
  }

  private static func tensorNames(_ form: ModuleForm, _ format: CheckpointFormat) -> [String] {
    let empty = StreamedModule(QuantizedModule(form: form, codes: [], scales: [], zeroPoints: []))
    return (format == .gptq ? empty.gptqTensors() : empty.compressedTensors(scaleType: .float32)).map(\.name)
  }

  /// Throws for what readers of GPTQ's format do not take.
  private static func checkGPTQ(_ form: ModuleForm, first: ModuleForm) throws(ModelError) {
    guard [2, 3, 4, 8].contains(form.bits) else {
      throw .doesNotFit(
        name: form.name,
        reason: "GPTQ's format has 2, 3, 4 and 8 bits, not \(form.bits); take --format compressed-tensors")
    }
    guard form.scheme == first.scheme else {
      throw .doesNotFit(
        name: form.name,
        reason: "GPTQ's format has one scheme for all layers, and \(first.name) has another; "
          + "take --format compressed-tensors")
    }
    guard form.rows % 32 == 0, form.columns % 32 == 0 else {
      throw .doesNotFit(
        name: form.name,
        reason: "\(form.rows) x \(form.columns) weights: GPTQ's readers need multiples of 32; keep the layer "
          + "(--keep '\(form.name).weight') or take --format compressed-tensors")
    }
  }

  /// What a block's quantized modules are called within it, if some linear modules of blocks stay as they are; nil if none do.
  ///
  /// GPTQ's readers know only one list for all blocks, so no block may keep what another has quantized. Blocks need not have
  /// the same modules: those without experts have others.
  static func modulesInBlock(_ forms: [ModuleForm], ignored: [String]) throws(ModelError) -> [String]? {
    // Blocks are numbered: model.layers.0.self_attn.q_proj.
    func parts(_ name: String) -> (block: String, module: String)? {
      let words = name.split(separator: ".", omittingEmptySubsequences: false)
      guard let number = words.firstIndex(where: { Int($0) != nil }), number + 1 < words.count else { return nil }
      return (words[...number].joined(separator: "."), words[(number + 1)...].joined(separator: "."))
    }
    let kept = ignored.compactMap { name in parts(name).map { (name, $0) } }
    if kept.isEmpty { return nil }
    var (modules, known) = ([String](), Set<String>())
    for form in forms {
      guard let (_, module) = parts(form.name) else { continue }
      if known.insert(module).inserted { modules.append(module) }
    }
    for (name, (_, module)) in kept where known.contains(module) {
      throw .doesNotFit(
        name: name,
        reason:
          "GPTQ's format cannot keep a module in one block and quantize it in another; keep it in all blocks or take "
          + "--format compressed-tensors")
    }
    return modules
  }
}
