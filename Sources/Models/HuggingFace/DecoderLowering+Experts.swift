import Graphs

extension DecoderLowering {
  /// A mixture of experts: the weighted sum of what the chosen experts make of a token.
  ///
  /// Each expert reads the tokens that chose it and no others: its values have as many rows as the data says.
  mutating func mixture(_ name: String, _ x: ValueID, _ experts: ExpertSettings) throws(ModelError) -> ValueID {
    let form = architecture.experts!
    let hidden = settings.hidden
    let scores = try keptLinear(name + form.router, x, rows: experts.count, reason: "the router of experts")
    let shares = builder.node(.softmax, name + form.router + ".shares", [scores], ["axis": .int(-1)])
    let (weights, chosen) = builder.expertWeights(
      name + form.router + ".weights", shares, count: experts.chosen, normalizes: experts.normalizes)
    var outputs: [ValueID] = []
    for index in 0..<experts.count {
      let expert = "\(name)\(form.list).\(index)."
      let tokens = builder.node(
        .expertTokens, expert + "tokens", [x, chosen], ["expert": .int(index), "k": .int(experts.chosen)],
        shape: [nil, hidden])
      outputs.append(try expertLayers(expert, form, tokens, width: experts.width))
    }
    let sum = builder.node(.expertSum, name + form.list + ".sum", [weights, chosen] + outputs, shape: [nil, hidden])
    guard let shared = form.shared, let width = experts.sharedWidth else { return sum }
    let output = try expertLayers("\(name)\(shared.module).", form, x, width: width)
    let gate = try keptLinear(name + shared.gate, x, rows: 1, reason: "the gate of the shared expert")
    let open = builder.node(.sigmoid, name + shared.gate + ".open", [gate])
    let share = builder.node(.mul, name + shared.module + ".share", [output, open], shape: [nil, hidden])
    return builder.node(.add, name + "experts.sum", [sum, share], shape: [nil, hidden])
  }

  /// down(activation(gate(x)) * up(x)) of the module whose name with a dot is `name`.
  private mutating func expertLayers(
    _ name: String, _ form: Architecture.Experts, _ x: ValueID, width: Int
  ) throws(ModelError) -> ValueID {
    let hidden = settings.hidden
    let gate = try linear(name + form.gate, x, rows: width, columns: hidden, hasBias: false)
    let up = try linear(name + form.up, x, rows: width, columns: hidden, hasBias: false)
    let inner = multiply(name, activate(name, gate, width: width), up, width: width)
    return try linear(name + form.down, inner, rows: hidden, columns: width, hasBias: false)
  }
}
