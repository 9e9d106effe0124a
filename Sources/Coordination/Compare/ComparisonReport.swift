import Glibc

/// What a comparison found, as it is written to JSON. Losses are E‖(W x + b) - (Q x + b')‖², summed over a layer's rows;
/// everything but times and ranks is the same on any number of ranks.
public struct ComparisonReport: Codable, Sendable {
  /// One layer.
  public struct LayerEntry: Codable, Sendable {
    /// The weight's name.
    public var name: String
    /// Output channels.
    public var rows: Int
    /// Inputs of one output channel.
    public var columns: Int
    /// Number of Hessians.
    public var groups: Int
    /// Whether the bias may change, in variants that correct biases.
    public var hasBias: Bool
    /// The mean square of the float outputs on the held-out inputs, about their mean on the calibration inputs.
    public var signal: Double
  }

  /// What a variant made of one layer.
  public struct LossEntry: Codable, Sendable {
    /// The layer.
    public var layer: String
    /// Loss on the calibration inputs.
    public var calibration: Double
    /// Loss on the inputs held out.
    public var heldOut: Double
    /// Loss that was predicted; absent for methods of which theory says nothing.
    public var predicted: Double?
    /// The damping that was needed.
    public var damping: Double
  }

  /// Geometric means over layers of losses relative to those of a baseline.
  public struct Ratios: Codable, Sendable {
    /// On the calibration inputs.
    public var calibration: Double
    /// On the inputs held out; absent if there are none.
    public var heldOut: Double?
    /// Predicted; absent for methods of which theory says nothing.
    public var predicted: Double?
  }

  /// Seconds of a variant: processor time by rank, wall time of the slowest rank.
  public struct TimeEntry: Codable, Sendable {
    /// Factorizations, by rank; variants that share a factor each count it.
    public var factorProcessor: [Double]
    /// Factorizations.
    public var factorWall: Double
    /// Grids and row solves, by rank.
    public var solveProcessor: [Double]
    /// Grids and row solves.
    public var solveWall: Double
  }

  /// One variant.
  public struct VariantEntry: Codable, Sendable {
    /// What it does.
    public var variant: CompareVariant
    /// Relative to GPTQ by its reference formulas: Hessians as they are, biases that stay.
    public var toBaseline: Ratios
    /// Relative to the same with corrected biases and centered Hessians; absent if no variant of these bits does that.
    public var toCorrectedBaseline: Ratios?
    /// The model's outputs on the samples held out, with all layers replaced, against the float model's.
    public var outputs: [EvaluationReport.OutputEntry]
    /// Share of held-out samples whose largest output is the float model's; absent if the outputs are no class scores.
    public var agreement: Double?
    /// Times.
    public var seconds: TimeEntry
    /// Losses by layer, in execution order.
    public var layers: [LossEntry]
  }

  /// `compare`.
  public var command = "compare"
  /// Path of the model, or of the file of layers.
  public var model: String
  /// Number of ranks.
  public var ranks: Int
  /// Threads of each rank.
  public var threads: Int
  /// Samples that layers were calibrated on.
  public var samples: Int
  /// Samples held out.
  public var heldOutSamples: Int
  /// Whether zero points are in the middle of the codes.
  public var symmetric: Bool
  /// What shares a scale.
  public var granularity: String
  /// The layers, in execution order.
  public var layers: [LayerEntry]
  /// The variants; baselines first.
  public var variants: [VariantEntry]
  /// Wall time by phase over the ranks.
  public var phases: [PhaseTime]

  /// exp(mean(log(value / base))) over layers; a layer without any loss in both counts as 1, one in which only one of them
  /// has a loss is left out, since no factor says how much better that is.
  static func geometricMean(_ values: [Double], over bases: [Double]) -> Double {
    var (sum, count) = (0.0, 0)
    for (value, base) in zip(values, bases) where (value > 0) == (base > 0) {
      sum += value > 0 ? Glibc.log(value / base) : 0
      count += 1
    }
    return count == 0 ? 1 : Glibc.exp(sum / Double(count))
  }
}
