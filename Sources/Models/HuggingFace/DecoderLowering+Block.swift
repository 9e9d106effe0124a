import Graphs

extension DecoderLowering {
  /// One block: attention and feed-forward layers, each behind a norm, each added to what it reads.
  mutating func block(_ index: Int, _ input: ValueID) throws(ModelError) -> ValueID {
    let name = "\(model.prefix)\(architecture.blocks).\(index)."
    let (hidden, heads, size) = (settings.hidden, settings.heads, settings.headSize)
    var x = try norm(name + architecture.attentionNorm, input, size: hidden)
    x = try attention(index, name, x)
    x = try linear(
      name + architecture.attentionOutput, x, rows: hidden, columns: heads * size,
      hasBias: settings.hasAttentionOutputBias)
    if let after = architecture.attentionOutputNorm { x = try norm(name + after, x, size: hidden) }
    let middle = builder.node(.add, name + "attention_residual", [input, x], shape: [nil, hidden])
    x = try norm(name + architecture.feedForwardNorm, middle, size: hidden)
    if let experts = settings.experts, experts.blocks[index] {
      x = try mixture(name, x, experts)
    } else {
      x = try feedForward(name, x)
    }
    if let after = architecture.feedForwardOutputNorm { x = try norm(name + after, x, size: hidden) }
    return builder.node(.add, name + "feed_forward_residual", [middle, x], shape: [nil, hidden])
  }

  /// Queries, keys and values from the normalized hidden states, and what attention makes of them: (tokens, heads * size).
  private mutating func attention(_ index: Int, _ name: String, _ x: ValueID) throws(ModelError) -> ValueID {
    let (width, keyWidth) = (settings.heads * settings.headSize, settings.keyHeads * settings.headSize)
    let (hidden, hasBias) = (settings.hidden, settings.hasProjectionBias)
    var parts: [ValueID]
    switch architecture.projections {
    case .separate(let query, let key, let value):
      parts = [
        try linear(name + query, x, rows: width, columns: hidden, hasBias: hasBias),
        try linear(name + key, x, rows: keyWidth, columns: hidden, hasBias: hasBias),
        try linear(name + value, x, rows: keyWidth, columns: hidden, hasBias: hasBias),
      ]
    case .fused(let fused):
      let all = try linear(name + fused, x, rows: width + 2 * keyWidth, columns: hidden, hasBias: hasBias)
      parts = builder.split(name + fused + ".parts", all, sizes: [width, keyWidth, keyWidth])
    }
    if let norms = architecture.headNorms {
      for (part, module) in [(0, norms.query), (1, norms.key)] {
        let shape = integers([-1, settings.headSize], name + module + ".shape")
        let rows = builder.node(.reshape, name + module + ".heads", [parts[part], shape])
        parts[part] = try norm(name + module, rows, size: settings.headSize)
      }
    }
    let window = settings.windows[index]
    for part in parts.indices {
      let module = name + "attention.\(["query", "key", "value"][part])"
      parts[part] = builder.node(.reshape, module, [parts[part], sequenceShape])
      guard part < 2, let rotations, let rotary = settings.rotary else { continue }
      let isWindowed = window != nil
      let turned = isWindowed ? rotary.window.size : rotary.full.size
      let tables = isWindowed ? rotations.window : rotations.full
      parts[part] = builder.node(
        .rotaryEmbedding, module + ".rotary", [parts[part], tables[1], tables[2], tables[0]],
        [
          "num_heads": .int(part == 0 ? settings.heads : settings.keyHeads),
          "rotary_embedding_dim": .int(turned == settings.headSize ? 0 : turned),
        ])
    }
    var attributes: [String: Attribute] = [
      "is_causal": .int(1), "q_num_heads": .int(settings.heads), "kv_num_heads": .int(settings.keyHeads),
      "scale": .float(settings.attentionScale),
    ]
    if let softcap = settings.attentionSoftcap { attributes["softcap"] = .float(softcap) }
    // A window counts the token itself.
    if let window { attributes["left_window_size"] = .int(window - 1) }
    let result = builder.node(.attention, name + "attention", parts, attributes)
    let shape = integers([-1, width], name + "attention.shape")
    return builder.node(.reshape, name + "attention.tokens", [result, shape], shape: [nil, width])
  }

  private mutating func feedForward(_ name: String, _ x: ValueID) throws(ModelError) -> ValueID {
    let (hidden, width, hasBias) = (settings.hidden, settings.intermediate, settings.hasFeedForwardBias)
    let inner: ValueID
    let last: String
    switch architecture.feedForward {
    case .gated(let gate, let up, let down):
      let gated = try linear(name + gate, x, rows: width, columns: hidden, hasBias: hasBias)
      let upper = try linear(name + up, x, rows: width, columns: hidden, hasBias: hasBias)
      inner = multiply(name, activate(name, gated, width: width), upper, width: width)
      last = down
    case .fusedGated(let gateUp, let down):
      let both = try linear(name + gateUp, x, rows: 2 * width, columns: hidden, hasBias: hasBias)
      let parts = builder.split(name + gateUp + ".parts", both, sizes: [width, width])
      inner = multiply(name, activate(name, parts[0], width: width), parts[1], width: width)
      last = down
    case .plain(let up, let down):
      let upper = try linear(name + up, x, rows: width, columns: hidden, hasBias: hasBias)
      inner = activate(name, upper, width: width)
      last = down
    }
    return try linear(name + last, inner, rows: hidden, columns: width, hasBias: hasBias)
  }

  /// gate * up; both have `width` features.
  mutating func multiply(_ name: String, _ gate: ValueID, _ up: ValueID, width: Int) -> ValueID {
    builder.node(.mul, name + "gated", [gate, up], shape: [nil, width])
  }

  /// The activation function of `width` features.
  mutating func activate(_ name: String, _ x: ValueID, width: Int) -> ValueID {
    let (kind, attributes): (OperatorKind, [String: Attribute]) =
      switch settings.activation {
      case .swish: (.swish, [:])
      case .gelu: (.gelu, [:])
      case .geluTanh: (.gelu, ["approximate": .string("tanh")])
      case .relu: (.relu, [:])
      }
    return builder.node(kind, name + "activation", [x], attributes, shape: [nil, width])
  }
}
