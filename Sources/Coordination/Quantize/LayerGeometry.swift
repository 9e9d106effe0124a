import Calibration
import Graphs

/// How much work and memory one sample is, from the shapes of a batch.
struct LayerGeometry: Sendable {
  /// Output positions of one sample, by layer.
  let positions: [Int]
  /// The fewest positions of a layer whose Hessian is large enough to matter.
  let fewestPositions: Int
  /// Bytes of the largest set of activations alive at one time, for one sample.
  let activationBytes: Int
  private let layers: [Layer]

  /// Infers the shapes for one batch. Throws if the samples do not fit the model.
  init(executor: Executor, graph: Graph, layers: [Layer], feed: SampleFeed, order: [Int]) throws {
    let batch = feed.fixedBatch ?? 1
    let plan = try executor.specialize(inputs: feed.inputTypes(batch: batch))
    self.layers = layers
    positions = layers.map { layer in
      let shape = plan.types[layer.input]?.shape ?? []
      guard layer.unfolding != nil else {
        let rows = plan.expectedRowCount(layer.input) ?? 1
        return max(1, shape.dropFirst().dropLast().reduce(rows, *) / batch)
      }
      let output = graph.nodes[layer.node].outputs[0].flatMap { plan.types[$0]?.shape } ?? []
      return max(1, output.dropFirst(2).reduce(1, *))
    }
    let widest = layers.map(\.columns).max() ?? 1
    let matter = layers.indices.filter { layers[$0].columns * 4 >= widest }
    fewestPositions = matter.map { [positions] in positions[$0] }.min() ?? 1
    let liveness = Liveness(graph: graph, order: order, keep: [])
    activationBytes =
      liveness.peakByteCount(graph: graph, order: order, given: Set(graph.inputs), plan: plan) / max(batch, 1)
  }

  /// Work of a stage in GFLOP: the layers' products and the sums X Xᵀ of `samples` samples.
  func work(stage: Stage, samples: Int) -> Double {
    stage.inputGroups.reduce(0) { sum, group in
      let columns = Double(group.columns)
      let positions = Double(positions[group.layers[0]]) * Double(samples)
      let rows = Double(group.layers.reduce(0) { $0 + layers[$1].rows })
      let flops = 2 * rows * columns * positions + columns * columns * positions * Double(group.groups)
      return sum + flops * 1e-9
    }
  }
}
