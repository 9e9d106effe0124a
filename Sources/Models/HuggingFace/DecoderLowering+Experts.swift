import Graphs

extension DecoderLowering {
  /// A mixture of experts: the weighted sum of what the chosen experts make of a token.
  ///
  /// Each expert reads all tokens, those that did not choose it as zeros: its Linear layers skip these, and sums over its
  /// inputs (Hessians) have nothing of them. An expert of zeros gives zero, since nothing in it has a bias.
  mutating func mixture(_ name: String, _ x: ValueID, _ experts: ExpertSettings) throws(ModelError) -> ValueID {
    let form = architecture.experts!
    let hidden = settings.hidden
    let scores = try keptLinear(name + form.router, x, rows: experts.count, reason: "the router of experts")
    let shares = builder.node(.softmax, name + form.router + ".shares", [scores], ["axis": .int(-1)])
    let weights = builder.node(
      .expertWeights, name + form.router + ".weights", [shares],
      ["k": .int(experts.chosen), "normalize": .int(experts.normalizes ? 1 : 0)])
    let columns = builder.split(
      name + form.router + ".experts", weights, sizes: Array(repeating: 1, count: experts.count))
    let zero = builder.constant(name + "experts.zero", Tensor(scalar: Float(0)))
    var sum: ValueID?
    for (index, weight) in columns.enumerated() {
      let expert = "\(name)\(form.list).\(index)."
      let isChosen = builder.node(.greater, expert + "is_chosen", [weight, zero], type: .bool)
      let tokens = builder.node(.where, expert + "tokens", [isChosen, x, zero], shape: [nil, hidden])
      let output = try expertLayers(
        expert, form, tokens, width: experts.width, attributes: ["skips_zero_rows": .int(1)])
      let share = builder.node(.mul, expert + "share", [output, weight], shape: [nil, hidden])
      sum = sum.map { builder.node(.add, expert + "sum", [$0, share], shape: [nil, hidden]) } ?? share
    }
    guard let shared = form.shared, let width = experts.sharedWidth else { return sum! }
    let output = try expertLayers("\(name)\(shared.module).", form, x, width: width, attributes: [:])
    let gate = try keptLinear(name + shared.gate, x, rows: 1, reason: "the gate of the shared expert")
    let open = builder.node(.sigmoid, name + shared.gate + ".open", [gate])
    let share = builder.node(.mul, name + shared.module + ".share", [output, open], shape: [nil, hidden])
    return builder.node(.add, name + "experts.sum", [sum!, share], shape: [nil, hidden])
  }

  /// down(activation(gate(x)) * up(x)) of the module whose name with a dot is `name`.
  private mutating func expertLayers(
    _ name: String, _ form: Architecture.Experts, _ x: ValueID, width: Int, attributes: [String: Attribute]
  ) throws(ModelError) -> ValueID {
    let hidden = settings.hidden
    let gate = try linear(
      name + form.gate, x, rows: width, columns: hidden, hasBias: false, attributes: attributes)
    let up = try linear(name + form.up, x, rows: width, columns: hidden, hasBias: false, attributes: attributes)
    let inner = multiply(name, activate(name, gate, width: width), up, width: width)
    return try linear(name + form.down, inner, rows: hidden, columns: width, hasBias: false, attributes: attributes)
  }
}
