import Foundation

extension QuantizationReport {
  /// The tables that rank 0 prints at the end.
  public var text: [String] {
    var lines = ["", "Layers"]
    func scientific(_ value: Double?) -> String { value.map { String(format: "%.3e", $0) } ?? "-" }
    let hasExperts = layers.contains { $0.tokens != nil }
    var table = TextTable(
      ["<layer", "rows", "columns", "bits", "<order", "damping", "loss", "predicted", "held-out", "drift"]
        + (hasExperts ? ["tokens"] : []))
    for layer in layers {
      let columns = layer.groups > 1 ? "\(layer.groups) x \(layer.columns)" : "\(layer.columns)"
      table.add(
        [
          layer.name, "\(layer.rows)", columns, "\(layer.bits)", layer.order, String(format: "%g", layer.damping),
          scientific(layer.relativeLoss), scientific(layer.predictedLoss), scientific(layer.heldOutLoss),
          scientific(layer.drift),
        ] + (hasExperts ? [layer.tokenCounts] : []))
    }
    lines += table.lines
    lines += expertLines
    lines.append("loss, predicted: on calibration samples; held-out, drift: on \(heldOutSamples) others; all relative")
    if let driftCorrection {
      lines.append("loss, predicted: against the weights moved by the drift correction (\(driftCorrection))")
    }
    for layer in layers where layer.escalations > 0 {
      lines.append(
        "warning: \(layer.name): the Hessian was not positive definite; the damping was raised to "
          + String(format: "%g", layer.damping))
    }
    if !kept.isEmpty {
      lines += ["", "Kept as they are"]
      var table = TextTable(["<weight", "<reason"])
      for entry in kept { table.add([entry.name, entry.reason]) }
      lines += table.lines
    }
    lines += ["", "Phases, seconds over \(ranks) \(ranks == 1 ? "rank" : "ranks")"] + PhaseTime.table(phases)
    if let efficiency { lines += efficiency.text }
    if let speeds { lines.append("speeds of the ranks, which work was cut by: \(RankSpeeds(speeds).text)") }
    if let traffic = factorTraffic.text { lines.append(traffic) }
    if let factorTransfers { lines.append(factorTransfers.text) }
    lines += [
      "",
      String(
        format: "%@: weights %.2f MB -> %.2f MB (%.1fx smaller)", output, Double(floatBytes) / 1e6,
        Double(quantizedBytes) / 1e6, Double(floatBytes) / Double(max(quantizedBytes, 1))),
    ]
    return lines
  }
}
