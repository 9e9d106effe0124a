import Calibration
import Graphs
import Quantization

/// Layers with their inputs in the float model, stage by stage, cut into chunks of samples.
///
/// A source is used by one thread, but `columns` from any number at once. Stages are visited in ascending order.
protocol LayerSource: Sendable {
  /// The layers, in execution order.
  var layers: [Layer] { get }
  /// The stages of the layers.
  var stages: [Stage] { get }
  /// The type to which scales are rounded.
  var scaleType: ScaleType { get }
  /// What the source is, for the start of the run.
  var description: [String] { get }
  /// Samples of a part.
  func sampleCount(_ part: SamplePart) -> Int
  /// Chunks of a part, of all ranks together.
  func chunkCount(_ part: SamplePart) -> Int
  /// Chunks of a part that this rank has.
  func ownChunkCount(_ part: SamplePart) -> Int
  /// Whether a layer has a bias that could change with its weights.
  func hasBias(_ layer: Int) -> Bool
  /// A layer's weights, rows x columns, row-major.
  func matrix(_ layer: Int) -> [Float]
  /// Reads the chunks of `rank` of `size` ranks.
  mutating func open(rank: Int, size: Int) throws
  /// Brings this rank's chunks to the inputs of a stage.
  func advance(to stage: Int, _ part: SamplePart, threads: Int) throws
  /// What `group` reads in one of this rank's chunks.
  func columns(of group: InputGroup, chunk: Int, _ part: SamplePart) throws(HessianError) -> InputColumns
  /// The samples that `error` is about, for a message.
  func describe(_ error: HessianError, in group: InputGroup, chunk: Int, _ part: SamplePart) -> String
}

extension LayerSource {
  /// float32.
  var scaleType: ScaleType { .float32 }

  /// Whether the Hessians of a group are taken about the mean when biases may change: as in `QuantizationRun`, if all of
  /// its layers have one.
  func hasBiases(_ group: InputGroup) -> Bool { group.layers.allSatisfy { hasBias($0) } }
}
