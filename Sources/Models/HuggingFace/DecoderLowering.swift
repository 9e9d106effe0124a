import Graphs

/// Builds the graph of a decoder.
///
/// Hidden states are (tokens, hidden size), so that Linear layers are products with weights as they are stored; only
/// rotations and attention see (batch, sequence, ...).
struct DecoderLowering {
  /// Which part of the model is built.
  enum Part { case whole, body, head }

  let model: HuggingFaceModel
  let settings: DecoderSettings
  let architecture: Architecture
  /// Positions of the tables of rotations.
  let positions: Int
  var builder: GraphBuilder
  /// The tensors that were read.
  private(set) var read = Set<String>()
  /// The Linear layers so far.
  private(set) var modules: [LinearModule] = []
  /// The inputs of Linear layers in bfloat16, by the value that they are rounded from.
  private var narrowedValues: [ValueID: ValueID] = [:]
  /// The shape (batch, sequence, -1).
  var sequenceShape: ValueID = -1
  /// The shape (-1, hidden size).
  private var tokenShape: ValueID = -1
  /// Rotations for full and windowed blocks: position ids, cosines, sines.
  var rotations: (full: [ValueID], window: [ValueID])?

  init(_ model: HuggingFaceModel, positions: Int) {
    (self.model, settings, architecture) = (model, model.settings, model.architecture)
    self.positions = positions
    builder = GraphBuilder(name: model.modelType)
  }

  /// The graph of `part`.
  mutating func run(_ part: Part) throws(ModelError) -> Graph {
    if part == .head {
      let hidden = builder.input("hidden", .float32, [nil, settings.hidden])
      let embedding = settings.isTied ? try embeddingTable() : nil
      let logits = try head(hidden, embedding: embedding, output: "logits")
      return builder.finished(outputs: [logits])
    }
    let ids = builder.input("input_ids", .int64, [nil, nil])
    let embedding = try embeddingTable()
    var hidden = try embed(ids, embedding)
    for block in 0..<settings.blockCount { hidden = try self.block(block, hidden) }
    let name = model.prefix + architecture.finalNorm
    hidden = try norm(name, hidden, size: settings.hidden, output: part == .body ? "hidden" : nil)
    if part == .body { return builder.finished(outputs: [hidden]) }
    let logits = try head(hidden, embedding: settings.isTied ? embedding : nil, output: nil)
    let result = builder.node(
      .reshape, "logits", [logits, sequenceShape], shape: [nil, nil, settings.vocabulary], output: "logits")
    return builder.finished(outputs: [result])
  }

  // MARK: Parts of all kinds

  /// The tensor `name` as the files have it.
  mutating func tensor(_ name: String, _ shape: [Int]) throws(ModelError) -> Tensor {
    read.insert(name)
    return try model.tensors.tensor(name, shape: shape)
  }

  /// A constant list of int64.
  mutating func integers(_ values: [Int], _ name: String) -> ValueID {
    builder.constant(name, Tensor(values.map(Int64.init), shape: [values.count]))
  }

  /// A constant number.
  private mutating func scalar(_ value: Float, _ name: String) -> ValueID {
    builder.constant(name, Tensor(scalar: value))
  }

  /// The Linear layer of module `name`, (tokens, columns) to (tokens, rows).
  mutating func linear(
    _ name: String, _ input: ValueID, rows: Int, columns: Int, hasBias: Bool
  ) throws(ModelError) -> ValueID {
    // A packed weight is outputs x inputs, whatever it was before.
    let isTransposed = architecture.storesTransposed && model.tensors.packed["\(name).weight"] == nil
    let weight = try tensor("\(name).weight", isTransposed ? [columns, rows] : [rows, columns])
    var inputs: [ValueID?] = [narrowed(input), builder.constant("\(name).weight", weight)]
    if hasBias {
      inputs.append(builder.constant("\(name).bias", try tensor("\(name).bias", [rows]).widened))
    }
    modules.append(
      LinearModule(
        name: name, weight: "\(name).weight", bias: hasBias ? "\(name).bias" : nil, rows: rows, columns: columns,
        isTransposed: isTransposed))
    return builder.node(
      .gemm, name, inputs, ["transB": .int(isTransposed ? 0 : 1)], shape: [nil, rows])
  }

  /// What Linear layers read of `value`: rounded to bfloat16 if the model computes them so, once for all that read it.
  private mutating func narrowed(_ value: ValueID) -> ValueID {
    guard model.linearInputs == .bfloat16 else { return value }
    if let known = narrowedValues[value] { return known }
    let name = "\(builder.name(of: value)).bfloat16"
    let result = builder.node(
      .cast, name, [value], ["to": .string(ElementType.bfloat16.rawValue)], type: .bfloat16)
    narrowedValues[value] = result
    return result
  }

  /// A Linear layer of the hidden states without a bias whose weight stays as it is.
  mutating func keptLinear(_ name: String, _ input: ValueID, rows: Int, reason: String) throws(ModelError) -> ValueID {
    let weight = builder.constant("\(name).weight", try tensor("\(name).weight", [rows, settings.hidden]))
    builder.keep(weight, reason: reason)
    return builder.node(.gemm, name, [input, weight], ["transB": .int(1)], shape: [nil, rows])
  }

  /// The norm of module `name` over the last axis, which is `size` long.
  mutating func norm(_ name: String, _ input: ValueID, size: Int, output: String? = nil) throws(ModelError) -> ValueID {
    var scale = try tensor("\(name).weight", [size]).widened
    if architecture.norm == .rmsFromOne { scale = Tensor(scale.array(of: Float.self).map { 1 + $0 }, shape: [size]) }
    let weight = builder.constant("\(name).weight", scale)
    let attributes: [String: Attribute] = ["axis": .int(-1), "epsilon": .float(settings.epsilon)]
    guard architecture.norm == .layer else {
      return builder.node(
        .rmsNormalization, name, [input, weight], attributes, shape: [nil, size], output: output)
    }
    let bias = builder.constant("\(name).bias", try tensor("\(name).bias", [size]).widened)
    return builder.node(
      .layerNormalization, name, [input, weight, bias], attributes, shape: [nil, size], output: output)
  }

  /// limit tanh(x / limit).
  private mutating func softcap(_ x: ValueID, _ limit: Float, output: String?) -> ValueID {
    let constant = scalar(limit, "softcap.limit")
    let ratio = builder.node(.div, "softcap.ratio", [x, constant], shape: [nil, settings.vocabulary])
    let bounded = builder.node(.tanh, "softcap.tanh", [ratio], shape: [nil, settings.vocabulary])
    return builder.node(.mul, "softcap", [bounded, constant], shape: [nil, settings.vocabulary], output: output)
  }

  // MARK: Ends of the model

  private mutating func embeddingTable() throws(ModelError) -> ValueID {
    let name = "\(model.prefix)\(architecture.embedding).weight"
    let table = builder.constant(name, try tensor(name, [settings.vocabulary, settings.hidden]))
    builder.keep(table, reason: settings.isTied ? "the embedding, which is the output head too" : "the embedding")
    return table
  }

  /// Token ids (batch, sequence) to hidden states (tokens, hidden size); makes the shapes and rotations that blocks need.
  private mutating func embed(_ ids: ValueID, _ table: ValueID) throws(ModelError) -> ValueID {
    let name = model.prefix + architecture.embedding
    let shape = builder.node(.shape, "shape", [ids], type: .int64)
    let rest = integers([-1], "rest")
    sequenceShape = builder.node(.concat, "sequence_shape", [shape, rest], ["axis": .int(0)], type: .int64)
    tokenShape = integers([-1, settings.hidden], "token_shape")
    let length = builder.node(
      .gather, "length", [shape, builder.constant("one", Tensor(scalar: Int64(1)))], type: .int64)
    let range = builder.node(
      .range, "positions",
      [builder.constant("zero", Tensor(scalar: Int64(0))), length, builder.constant("step", Tensor(scalar: Int64(1)))],
      type: .int64)
    var hidden = builder.node(.gather, name, [table, ids], type: builder.type(of: table))
    if builder.type(of: table) != .float32 {
      hidden = builder.node(.cast, name + ".float", [hidden], ["to": .int(1)])
    }
    if architecture.scalesEmbeddings {
      hidden = builder.node(
        .mul, name + ".scaled", [hidden, scalar(Float(settings.hidden).squareRoot(), name + ".scale")])
    }
    switch architecture.positions {
    case .rotary: makeRotations(range, shape)
    case .learned(let module, let offset):
      let name = model.prefix + module
      let count = settings.maximumPositions + offset
      let table = builder.constant("\(name).weight", try tensor("\(name).weight", [count, settings.hidden]).widened)
      builder.keep(table, reason: "the embedding of positions")
      let rows = builder.node(
        .add, name + ".rows", [range, builder.constant(name + ".offset", Tensor(scalar: Int64(offset)))], type: .int64)
      let added = builder.node(.gather, name, [table, rows])
      hidden = builder.node(.add, name + ".added", [hidden, added])
    }
    return builder.node(.reshape, name + ".tokens", [hidden, tokenShape], shape: [nil, settings.hidden])
  }

  /// Position ids (batch, sequence) and tables of cosines and sines.
  private mutating func makeRotations(_ range: ValueID, _ shape: ValueID) {
    guard let rotary = settings.rotary else { return }
    let ids = builder.node(.expand, "position_ids", [range, shape], type: .int64)
    var full: [ValueID] = [], window: [ValueID] = []
    let isShared = rotary.full == rotary.window || !settings.windows.contains { $0 != nil }
    for (kind, frequencies) in [("full", rotary.full), ("window", rotary.window)] {
      if kind == "window", isShared {
        window = full
        continue
      }
      let caches = frequencies.caches(count: positions)
      let values = [
        ids, builder.constant("rotary.\(kind).cosines", caches.cosines),
        builder.constant("rotary.\(kind).sines", caches.sines),
      ]
      if kind == "full" { full = values } else { window = values }
    }
    rotations = (full, window)
  }

  /// Hidden states to logits, (tokens, vocabulary). A tied head reads the embedding.
  private mutating func head(_ hidden: ValueID, embedding: ValueID?, output: String?) throws(ModelError) -> ValueID {
    let weight: ValueID
    if let embedding {
      weight = embedding
    } else {
      weight = builder.constant(
        "lm_head.weight", try tensor("lm_head.weight", [settings.vocabulary, settings.hidden]))
      builder.keep(weight, reason: "the output head")
    }
    let isLast = settings.finalSoftcap == nil
    let logits = builder.node(
      .gemm, "lm_head", [hidden, weight], ["transB": .int(1)], shape: [nil, settings.vocabulary],
      output: isLast ? output : nil)
    return settings.finalSoftcap.map { softcap(logits, $0, output: output) } ?? logits
  }
}
