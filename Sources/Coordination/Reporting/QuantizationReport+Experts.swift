import Foundation

extension QuantizationReport.LayerEntry {
  /// The tokens of an expert's layer: own, or own + extra.
  var tokenCounts: String {
    guard let tokens else { return "all" }
    return extraTokens.map { $0 > 0 ? "\(tokens)+\($0)" : "\(tokens)" } ?? "\(tokens)"
  }
}

extension QuantizationReport {
  /// What is to be said of experts that few tokens chose; nothing for a model without experts.
  var expertLines: [String] {
    let experts = layers.filter { $0.tokens != nil }
    guard let fewest = experts.min(by: { $0.tokens! < $1.tokens! }), let expertTokens else { return [] }
    var lines: [String] = []
    let ratio = String(format: "%g", expertTokens)
    let blended = experts.count { ($0.extraTokens ?? 0) > 0 }
    if blended > 0 {
      lines.append(
        "experts: \(blended) of \(experts.count) layers saw fewer tokens than \(ratio) times their columns (the fewest, "
          + "\(fewest.tokens!): \(fewest.name)); tokens that came next to choosing the expert were added with weight "
          + String(format: "%g", ExpertRows.extraWeight))
    }
    let poor = experts.count { $0.tokens! < $0.columns && $0.extraTokens == 0 }
    if poor > 0 {
      lines.append(
        "warning: \(poor) of \(experts.count) layers of experts saw fewer tokens than they have columns (the fewest, "
          + "\(fewest.tokens!): \(fewest.name)), and no others; give more samples, or --expert-tokens")
    }
    let unused = experts.filter { $0.tokens == 0 }
    if let first = unused.first {
      lines.append(
        "warning: no token chose the experts of \(unused.count) layers, such as \(first.name); give more samples")
    }
    return lines
  }
}
