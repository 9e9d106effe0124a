import Foundation

/// What an evaluation found, as it is printed and written as JSON.
public struct EvaluationReport: Codable, Sendable {
  /// The error of one output against the reference model.
  public struct OutputEntry: Codable, Sendable {
    /// The output's name.
    public var name: String
    /// ‖y - r‖₂ / ‖r‖₂ over all samples.
    public var relativeL2: Double
    /// Signal to quantization noise, 10 log₁₀(Σ r² / Σ (y - r)²), in decibels; absent if the outputs are equal.
    public var sqnr: Double?
    /// The largest |y - r| relative to the largest |r|.
    public var largestError: Double

    /// From the sums of `OutputStatistics`: Σ (y - r)², Σ r², max |y - r|, max |r|.
    init(name: String, errors: [Double]) {
      self.name = name
      relativeL2 = errors[1] > 0 ? (errors[0] / errors[1]).squareRoot() : errors[0].squareRoot()
      sqnr = errors[0] > 0 && errors[1] > 0 ? 10 * log10(errors[1] / errors[0]) : nil
      largestError = errors[3] > 0 ? errors[2] / errors[3] : errors[2]
    }
  }

  /// `evaluate`.
  public var command = "evaluate"
  /// Path of the model.
  public var model: String
  /// Path of the reference model, if there was one.
  public var reference: String?
  /// Number of ranks.
  public var ranks: Int
  /// Threads of each rank.
  public var threads: Int
  /// Number of samples.
  public var samples: Int
  /// Share of samples whose largest output is that of the label.
  public var top1: Double?
  /// Number of such samples.
  public var correct: Int?
  /// Share of samples whose largest output is the reference's.
  public var agreement: Double?
  /// The outputs against the reference.
  public var outputs: [OutputEntry]
  /// Wall time by phase over the ranks.
  public var phases: [PhaseTime]

  /// The lines that rank 0 prints.
  public var text: [String] {
    var lines: [String] = []
    if let top1, let correct {
      lines.append(String(format: "top-1 accuracy: %.4f (%d of %d)", top1, correct, samples))
    }
    if reference != nil {
      var table = TextTable(["<output", "relative L2", "SQNR dB", "largest error"])
      for output in outputs {
        table.add([
          output.name, String(format: "%.3e", output.relativeL2),
          output.sqnr.map { String(format: "%.2f", $0) } ?? "equal", String(format: "%.3e", output.largestError),
        ])
      }
      lines += table.lines
      if let agreement { lines.append(String(format: "top-1 agreement: %.4f", agreement)) }
    }
    return lines + ["", "Phases, seconds over \(ranks) \(ranks == 1 ? "rank" : "ranks")"] + PhaseTime.table(phases)
  }
}
