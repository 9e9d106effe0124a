import Foundation
import Graphs
import Models

/// What is in a model: the layers, their stages, and the weights that cannot be quantized.
public struct Inspection: Codable, Sendable {
  /// One layer.
  public struct LayerEntry: Codable, Sendable {
    /// The weight's name.
    public var name: String
    /// The operator.
    public var kind: String
    /// Output channels.
    public var rows: Int
    /// Inputs of one output channel.
    public var columns: Int
    /// Number of groups of a grouped convolution; 1 otherwise.
    public var groups: Int
    /// Shape of the weight tensor.
    public var shape: [Int]
    /// The stage in which the layer is quantized, from 1.
    public var stage: Int
    /// Bits of the stored weight.
    public var bits: Int
    /// How the weight is stored.
    public var storage: String
  }

  /// `inspect`.
  public var command = "inspect"
  /// Path of the model.
  public var model: String
  /// Format and kind of the model in a few words.
  public var format: String
  /// Inputs and outputs with their shapes.
  public var inputs: [String]
  /// Outputs with their shapes.
  public var outputs: [String]
  /// The layers in execution order.
  public var layers: [LayerEntry]
  /// Weights that stay as they are, with the reason.
  public var kept: [QuantizationReport.KeptEntry]

  /// Reads the model at `model`.
  public init(model path: String) throws {
    let model = try SourceModels.open(path)
    let graph = try model.graph()
    let (layers, kept) = graph.layers()
    let stored = model.quantizedWeights()
    var stageOfLayer: [Int: Int] = [:]
    for (index, stage) in graph.stages(of: layers).stages.enumerated() {
      for member in stage.inputGroups.flatMap(\.layers) { stageOfLayer[member] = index + 1 }
    }
    func describe(_ id: ValueID) -> String {
      let shape = graph.values[id].shape?.map { $0.map(String.init) ?? "?" }.joined(separator: " x ") ?? "any shape"
      return "\(graph.values[id].name): \(shape)"
    }
    self.model = path
    format = model.summary
    inputs = graph.inputs.map(describe)
    outputs = graph.outputs.map(describe)
    self.layers = layers.enumerated().map { index, layer in
      let type = graph.constants[layer.weight]!.elementType
      return LayerEntry(
        name: layer.name, kind: graph.nodes[layer.node].kind.rawValue, rows: layer.rows, columns: layer.columns,
        groups: layer.groups, shape: graph.constants[layer.weight]!.shape, stage: stageOfLayer[index]!,
        bits: stored[layer.name]?.bits ?? type.byteCount * 8, storage: stored[layer.name]?.storage ?? type.rawValue)
    }
    self.kept = kept.map { .init(name: $0.name, reason: $0.reason) }
  }

  /// The lines that are printed.
  public var text: [String] {
    var lines = ["\(model): \(format)"]
    lines += inputs.map { "input   \($0)" } + outputs.map { "output  \($0)" } + [""]
    var table = TextTable(["<layer", "<operator", "rows", "columns", "groups", "<shape", "stage", "bits", "<storage"])
    for layer in layers {
      table.add([
        layer.name, layer.kind, "\(layer.rows)", "\(layer.columns)", "\(layer.groups)",
        layer.shape.map(String.init).joined(separator: " x "), "\(layer.stage)", "\(layer.bits)", layer.storage,
      ])
    }
    lines += table.lines
    let weights = layers.reduce(0) { $0 + $1.rows * $1.columns }
    lines += ["", "\(layers.count) layers, \(weights) weights, \(layers.map(\.stage).max() ?? 0) stages"]
    for entry in kept { lines.append("\(entry.name) stays as it is: \(entry.reason)") }
    return lines
  }

  /// Writes the list as JSON.
  public func write(to path: String) throws { try JSONReport.write(self, to: path) }
}
