import Foundation

extension ComparisonReport {
  /// The tables that rank 0 prints: one for each number of bits.
  public var text: [String] {
    var lines: [String] = []
    for bits in Set(variants.map(\.variant.bits)).sorted(by: >) {
      let entries = variants.filter { $0.variant.bits == bits }
      let corrected = entries.contains { $0.toCorrectedBaseline != nil }
      let outputs = entries.contains { !$0.outputs.isEmpty }
      let agreement = entries.contains { $0.agreement != nil }
      lines += ["", "\(bits) bits: losses relative to GPTQ, geometric means over \(layers.count) layers"]
      var titles = CompareVariant.labelTitles.map { "<\($0)" } + ["calibration", "held-out"]
      if corrected { titles.append("to corrected") }
      titles += ["predicted", "factor s", "solve s", "wall s"]
      if outputs { titles.append("output L2") }
      if agreement { titles.append("agreement") }
      var table = TextTable(titles)
      for entry in entries {
        var cells =
          entry.variant.labels + [Self.ratio(entry.toBaseline.calibration), Self.ratio(entry.toBaseline.heldOut)]
        if corrected { cells.append(Self.ratio(entry.toCorrectedBaseline?.heldOut)) }
        let seconds = entry.seconds
        cells += [
          Self.ratio(entry.toBaseline.predicted), Self.seconds(seconds.factorProcessor.reduce(0, +)),
          Self.seconds(seconds.solveProcessor.reduce(0, +)), Self.seconds(seconds.factorWall + seconds.solveWall),
        ]
        if outputs { cells.append(entry.outputs.map { String(format: "%.3e", $0.relativeL2) }.joined(separator: " ")) }
        if agreement { cells.append(entry.agreement.map { String(format: "%.4f", $0) } ?? "-") }
        table.add(cells)
      }
      lines += table.lines
    }
    lines += [
      "",
      "GPTQ: compensation in natural order on min-max grids, damping 0.01, Hessians as they are, biases kept (the first row).",
    ]
    if variants.contains(where: { $0.toCorrectedBaseline != nil }) {
      lines.append(
        "to corrected: held-out loss relative to GPTQ with corrected biases and centered Hessians (the second row).")
    }
    lines.append(
      "factor s, solve s: processor seconds, all ranks together (a factor that variants share counts for each); wall s: both."
    )
    return lines + ["", "Phases, seconds over \(ranks) \(ranks == 1 ? "rank" : "ranks")"] + PhaseTime.table(phases)
  }

  private static func ratio(_ value: Double?) -> String { value.map { String(format: "%.3f", $0) } ?? "-" }

  private static func seconds(_ value: Double) -> String { String(format: "%.2f", value) }
}
