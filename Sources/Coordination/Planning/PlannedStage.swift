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
  /// Bytes of a chunk's activations that wait between this stage and the next, in one network.
  var waitingBytes: Int
  /// GFLOP as a run's progress counts them.
  var work: Double
  /// Stages of one key take the same time in the same layout.
  var key: String

  /// The stages of `costs.run`.
  static func all(_ costs: OperatorCosts) -> [PlannedStage] {
    let run = costs.run
    let isLayer = Set(run.layers.map(\.layer.node))
    let measuresOutputs = run.layers.contains { $0.bias != nil }
    var lastReader: [ValueID: Int] = [:]
    for (index, stage) in run.stages.enumerated() {
      for node in stage.nodes {
        for case let value? in run.graph.nodes[node].inputs { lastReader[value] = index }
      }
      for group in stage.inputGroups {
        // A layer runs with the nodes of the next stage, and reads its input then.
        lastReader[group.input] = max(lastReader[group.input] ?? 0, index + 1)
      }
    }
    var alive = Set(run.graph.inputs)
    return run.stages.enumerated().map { index, stage in
      for node in stage.nodes where !costs.plan.isFolded(node) {
        for case let value? in run.graph.nodes[node].outputs { alive.insert(value) }
      }
      alive = alive.filter { lastReader[$0] ?? -1 > index }
      let hasDrift = run.correctsDrift && index > 0
      let members = stage.inputGroups.flatMap(\.layers)
      let nodes = members.map { run.layers[$0].layer.node }
      let outputs = members.filter { run.layers[$0].bias != nil }.compactMap {
        run.graph.nodes[run.layers[$0].layer.node].outputs[0]
      }
      let bounds = stage.inputGroups.reduce(0) { $0 + costs.pass($1.input, .bounds) }
      var forward = costs.seconds(stage.nodes) + bounds
      if run.correctsDrift {
        forward +=
          costs.seconds(measuresOutputs ? stage.nodes.filter { !isLayer.contains($0) } : stage.nodes) + 2 * bounds
      }
      let correcting = outputs.isEmpty ? 0 : costs.seconds(nodes) + outputs.reduce(0) { $0 + costs.pass($1, .channels) }
      let floatLayers = run.correctsDrift && measuresOutputs ? correcting : 0
      let groups = stage.inputGroups.map { group in
        let scale = SumScale(bound: 1, chunkCount: 1, columnCount: 1)
        return CalibratedGroup(
          group: group, scale: scale, crossScale: hasDrift ? scale : nil, columnCount: 1, includesExtra: false,
          isCentered: false)
      }
      let sums = stage.inputGroups.map { costs.sums($0, hasDrift: hasDrift) }
      let shapes = stage.inputGroups.map { group in
        "\(group.columns)x\(group.groups):"
          + group.layers.map { "\(run.layers[$0].layer.rows)b\(run.layers[$0].scheme.bits)" }.joined(separator: ",")
      }
      let waiting = alive.reduce(0) { $0 + costs.byteCount($1) }
      return PlannedStage(
        groups: groups, sumSeconds: sums, forwardSeconds: forward, layerSeconds: correcting + floatLayers,
        waitingBytes: waiting, work: run.geometry.work(stage: stage, samples: run.chunkPartition.samples.count),
        key: "\(shapes) \(hasDrift) \(sums) \(forward) \(correcting) \(waiting)")
    }
  }
}
