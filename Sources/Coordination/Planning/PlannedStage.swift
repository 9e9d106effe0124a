import Calibration
import Graphs

/// A stage of a run as its time follows from it.
struct PlannedStage {
  /// The stage's groups, as a run has them when their inputs are measured.
  var groups: [CalibratedGroup]
  /// For each group the seconds of a chunk in its sums.
  var sumSeconds: [Double]
  /// Seconds of a chunk in the networks up to the stage's inputs, and in the bounds of these.
  var forwardSeconds: Double
  /// Seconds of a chunk in the stage's layers once the stage is quantized: in the float network, and to correct outputs.
  var layerSeconds: Double
  /// Outputs of the stage's layers.
  var rows: Int
  /// How often a run gathers the outputs' sums over the chunks to calibrate on.
  var momentCount: Int
  /// GFLOP as a run's progress counts them.
  var work: Double
  /// Stages of one key take the same time in the same layout.
  var key: String

  /// The stages of `costs.run`.
  static func all(_ costs: OperatorCosts) -> [PlannedStage] {
    let run = costs.run
    let isLayer = Set(run.layers.map(\.layer.node))
    let measuresOutputs = run.layers.contains { $0.bias != nil }
    let waiting = costs.shapes.waitingBytes(run)
    return run.stages.enumerated().map { index, stage in
      let hasDrift = run.correctsDrift && index > 0
      let members = stage.inputGroups.flatMap(\.layers)
      let nodes = members.map { run.layers[$0].layer.node }
      let measured = members.filter { run.layers[$0].bias != nil }.map { run.layers[$0].layer }
      let bounds = stage.inputGroups.reduce(0) { $0 + costs.bounds($1, hasDrift: run.correctsDrift) }
      var forward = costs.seconds(stage.nodes) + bounds
      if run.correctsDrift {
        forward += costs.seconds(measuresOutputs ? stage.nodes.filter { !isLayer.contains($0) } : stage.nodes)
      }
      let correcting = measured.isEmpty ? 0 : costs.seconds(nodes) + measured.reduce(0) { $0 + costs.channels($1) }
      let floatLayers = run.correctsDrift && measuresOutputs ? correcting : 0
      let groups = run.groupsBeforeSums(ofStage: index)
      let sums = stage.inputGroups.map { costs.sums($0, hasDrift: hasDrift) }
      let shapes = stage.inputGroups.map { group in
        "\(group.columns)x\(group.groups):"
          + group.layers.map { "\(run.layers[$0].layer.rows)b\(run.layers[$0].scheme.bits)" }.joined(separator: ",")
      }
      return PlannedStage(
        groups: groups, sumSeconds: sums, forwardSeconds: forward, layerSeconds: correcting + floatLayers,
        rows: members.reduce(0) { $0 + run.layers[$1].layer.rows },
        momentCount: measured.isEmpty ? 0 : run.correctsDrift ? 2 : 1,
        work: run.geometry.work(stage: stage, samples: run.chunkPartition.samples.count),
        key: "\(shapes) \(hasDrift) \(sums) \(forward) \(correcting) \(waiting[index])")
    }
  }
}
