/// What a quantization did, as it is printed and written as JSON.
public struct QuantizationReport: Codable, Sendable {
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
    /// Bits of a code.
    public var bits: Int
    /// The order of columns.
    public var order: String
    /// The damping that was used, as a share of the mean diagonal of the Hessian.
    public var damping: Double
    /// How often the damping had to be raised tenfold.
    public var escalations: Int
    /// Columns whose calibration inputs are all zero.
    public var deadColumns: Int
    /// Calibration loss: Σ (w - q) H (w - q)ᵀ over all rows, relative to Σ w H wᵀ, with the damped H.
    public var relativeLoss: Double
    /// What the calibration loss should be, from the rows' steps and the Hessian alone, without clipping; nil for plain
    /// rounding.
    public var predictedLoss: Double?
    /// On samples held out, with the inputs that the layer gets in the quantized network: squared error against the
    /// float layer on the same inputs, relative to the float layer's outputs (without their means where the bias may
    /// change). Nil if none were held out.
    public var heldOutLoss: Double?
    /// On samples held out: squared error of the layer's outputs in the quantized network against those in the float
    /// network, relative to the latter (without their means where the bias may change).
    public var drift: Double?
    /// Tokens of the calibration samples that chose the layer's expert; nil for layers that all tokens go through.
    public var tokens: Int?
    /// Tokens that did not choose the expert but were calibrated on too, since it had too few of its own.
    public var extraTokens: Int?
  }

  /// A weight that stays as it was.
  public struct KeptEntry: Codable, Sendable {
    /// The weight's name.
    public var name: String
    /// Why it is kept.
    public var reason: String
  }

  /// `quantize`.
  public var command = "quantize"
  /// Path of the model that was read.
  public var model: String
  /// Path of the model that was written.
  public var output: String
  /// Number of ranks.
  public var ranks: Int
  /// Threads of each rank; of rank 0 where they differ.
  public var threads: Int
  /// The speed of each rank that work was cut by, 1 in the mean; nil if it was cut evenly.
  public var speeds: [Double]?
  /// How codes were chosen.
  public var method: String
  /// How steps were searched.
  public var grid: String
  /// How far weights were moved against the drift of their inputs; nil if they were not. If they were, the calibration
  /// losses are against the weights moved.
  public var driftCorrection: Double?
  /// Layers of experts with fewer tokens than this times their columns were calibrated on others besides; nil for models
  /// without experts, and for plain rounding.
  public var expertTokens: Double?
  /// Calibration samples that were used.
  public var samples: Int
  /// Samples that were held out.
  public var heldOutSamples: Int
  /// Samples of a chunk.
  public var chunkSize: Int
  /// The hot loops' instruction set.
  public var instructionSet: String
  /// OpenBLAS's kernels.
  public var blasKernel: String
  /// Bytes of the model's quantized weights as float32.
  public var floatBytes: Int
  /// Bytes of the same weights as stored: codes, scales and zero points.
  public var quantizedBytes: Int
  /// The layers, in execution order.
  public var layers: [LayerEntry]
  /// The weights that were kept.
  public var kept: [KeptEntry]
  /// What sending the factors cost.
  public var factorTraffic: FactorTraffic
  /// How much of that was hidden by work; nil if nothing went from node to node.
  public var factorTransfers: TransferOverlap?
  /// Wall time by phase over the ranks.
  public var phases: [PhaseTime]
  /// How well the ranks were used; nil for one.
  public var efficiency: ParallelEfficiency?
  /// Seconds of each rank by phase.
  public var rankTimes: RankTimes
}
