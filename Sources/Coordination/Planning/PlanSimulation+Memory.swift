import Calibration
import LinearAlgebra

extension PlanSimulation {
  private var mostChunks: Int { run.chunkPartition.chunks(ofRank: 0, size: layout.ranks).count }

  /// What lasts the whole run.
  func addRunMemory(_ memory: inout PlanMemory, _ costs: OperatorCosts) {
    memory.model = modelBytes
    memory.isModelShared = run.options.isLanguageModel || PlanningModel.isLanguageModel(run.options.model)
    memory.weights = run.layers.reduce(0) { sum, planned in
      let layer = planned.layer
      let isNarrow = run.graph.values[layer.input].elementType == .bfloat16
      let groups = planned.scheme.groupCount(columns: layer.columns)
      return sum + layer.rows * layer.columns * (isNarrow ? 3 : 5) + layer.rows * (5 * groups + 16)
    }
    memory.forward = threads * run.geometry.activationBytes * run.chunkPartition.chunkSize
  }

  /// Activations of the rank with most chunks.
  func activationMemory(_ stage: PlannedStage) -> Int {
    mostChunks * stage.waitingBytes * (run.correctsDrift ? 2 : 1)
  }

  /// Sums that are formed at a time, once more where they are added up, and what each thread works on.
  func hessianMemory(_ stage: PlannedStage) -> Int {
    var (largest, part) = (0, 0)
    for group in stage.groups {
      part = part + group.sumBytes <= 512 << 20 ? part + group.sumBytes : group.sumBytes
      largest = max(largest, part)
    }
    let columns = stage.groups.map(\.group.columns).max() ?? 0
    let busy = min(threads, max(1, mostChunks * stage.groups.count))
    return 2 * largest + busy * 4 * columns * columns
  }

  /// While a wave is factored and solved, on the rank with most.
  ///
  /// Factoring C columns: the sums become moments (float64), cross sums wait; then one Hessian after the other (or up to `threads`
  /// at once) has R in float64, half a square, and U. Rows: whole float matrices of the layers that a rank has rows of.
  func waveMemory(
    _ groups: [CalibratedGroup], _ owners: [Int], _ routes: FactorRoutes, _ layouts: [FactorLayout],
    _ partition: RowPartition, _ members: [Int], gathered: Int
  ) -> PlanMemory {
    var memory = PlanMemory()
    var owned = [Int](repeating: 0, count: layout.ranks)
    var largest = 0
    for (index, group) in groups.enumerated() {
      let square = group.group.columns * group.group.columns
      let hasDrift = group.crossScale != nil
      owned[owners[index]] += group.sumBytes + 4 * square * group.group.groups
      let busy = min(threads, group.group.groups)
      // R and U; or U and the scaled cross moments.
      largest = max(largest, max(6 * square * busy, hasDrift ? 6 * square * group.group.groups : 0))
    }
    memory.factor = (owned.max() ?? 0) + largest
    var places = [Int](repeating: 0, count: routes.places.count)
    for (route, factor) in zip(routes.routes, layouts) {
      if route.staysAtOwner {
        places[routes.placeOfRank[route.owner]] += factor.byteCount
      } else {
        for place in route.places { places[place] += factor.byteCount }
      }
    }
    memory.factors = places.max() ?? 0
    memory.areFactorsShared = ranksPerNode > 1
    let matrices = partition.pieces.map { pieces in
      Set(pieces.map(\.layer)).reduce(0) { sum, line in
        let layer = run.layers[members[line]].layer
        return sum + 4 * layer.rows * layer.columns + 4 * layer.columns * layer.columns
      }
    }
    let replaced = members.map { 12 * run.layers[$0].layer.rows * run.layers[$0].layer.columns }.max() ?? 0
    memory.solve = max((matrices.max() ?? 0) + gathered / layout.ranks, 2 * gathered + replaced)
    return memory
  }
}
