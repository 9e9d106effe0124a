import Calibration
import Foundation
import Graphs
import LinearAlgebra
import Quantization

/// What a rank of a run holds, phase by phase: the one source for plans and for the bounds of runs with a memory limit.
struct MemoryModel {
  let run: QuantizationRun
  let ranks: Int
  /// The ranks of each node.
  let nodes: [[Int]]
  /// Threads of a rank.
  let threads: Int
  private let shapes: ChunkShapes
  private let waiting: [Int]
  private let groups: [[CalibratedGroup]]

  /// The memory of `run` on so many ranks.
  init(_ run: QuantizationRun, shapes: ChunkShapes, nodes: [[Int]], threads: Int) {
    (self.run, self.shapes, self.nodes, self.threads) = (run, shapes, nodes, threads)
    ranks = nodes.reduce(0) { $0 + $1.count }
    waiting = shapes.waitingBytes(run)
    groups = run.stages.indices.map { run.groupsBeforeSums(ofStage: $0) }
  }

  private var ranksPerNode: Int { nodes.map(\.count).max() ?? 1 }
  private var isLanguageModel: Bool {
    run.options.isLanguageModel || PlanningModel.isLanguageModel(run.options.model)
  }
  /// How fast the ranks are: equally, in a plan.
  private var speeds: RankSpeeds { run.speeds.count == ranks ? run.speeds : RankSpeeds(equal: ranks) }

  private func chunkCount(_ partition: ChunkPartition?) -> Int {
    guard let partition else { return 0 }
    // Where all are equal, rank 0 has no fewer than the others.
    if speeds.areEqual { return partition.chunks(ofRank: 0, speeds).count }
    return speeds.counts(of: partition.chunkCount).max() ?? 0
  }
  /// Networks whose activations of a chunk to calibrate on are kept.
  private var networks: Int { run.correctsDrift ? 2 : 1 }

  /// Chunks of the rank with most, first those that are calibrated on and then those held out.
  var chunkCount: Int { chunkCount(run.chunkPartition) + chunkCount(run.heldOutPartition) }

  /// What the tensors of the rank with most take, stage by stage, where nothing limits them.
  func tensors() -> TensorMemory {
    TensorMemory(run, shapes, chunks: chunkCount(run.chunkPartition), heldOut: chunkCount(run.heldOutPartition))
  }

  /// The whole run within `bounds`. Complexity: O(tiles) for each different stage.
  ///
  /// - Parameter tensors: `tensors()`, if it is known; with a limit it is not asked for.
  func memory(_ bounds: MemoryBounds, tensors: TensorMemory? = nil) -> RankMemory {
    var memory = RankMemory()
    var known = Set<String>()
    for stage in run.stages.indices where known.insert(key(stage)).inserted {
      memory.formMaximum(self.memory(ofStage: stage, bounds))
    }
    if run.options.propagation == .float { memory.formMaximum(floatMemory(bounds)) }
    if bounds.limit == nil {
      let stages = (tensors ?? self.tensors()).stages
      memory.activations = (stages.map(\.resident).max() ?? 0) + scratchBytes(bounds)
      memory.forward += (stages.map(\.peak).max() ?? 0) - (stages.map(\.resident).max() ?? 0)
    }
    // What is kept of tensors and temporary memory is counted above, where nothing limits it.
    memory.program = Self.programBytes + (bounds.limit == nil ? 0 : bounds.idleBytes)
    memory.isModelShared = isLanguageModel
    return memory
  }

  /// The program, MPI and the libraries with their pages (measured, see Benchmarks/memory).
  private static let programBytes = 72 << 20

  /// Stages with one key take the same memory.
  private func key(_ stage: Int) -> String {
    let shapes = groups[stage].map { group in
      "\(group.group.columns)x\(group.group.groups):"
        + group.group.layers.map { "\(run.layers[$0].layer.rows)b\(run.layers[$0].scheme.bits)" }.joined(separator: ",")
    }
    return "\(shapes) \(stage > 0) \(waiting[stage]) \(weightBytes(stage) + (stage > 0 ? weightBytes(stage - 1) : 0))"
  }

  private func memory(ofStage stage: Int, _ bounds: MemoryBounds) -> RankMemory {
    var memory = RankMemory()
    let (calibration, heldOut) = (chunkCount(run.chunkPartition), chunkCount(run.heldOutPartition))
    let resident = min(calibration, bounds.residentChunks)
    let residentHeldOut = min(heldOut, max(0, bounds.residentChunks - calibration))
    memory.activations = waiting[stage] * (networks * resident + 2 * residentHeldOut)
    let busy = min(bounds.forwardChunks, max(calibration, heldOut))
    // Without a limit the tensors of one chunk in work are counted with those that wait.
    let inWork = bounds.limit == nil ? busy - 1 : busy
    memory.forward =
      inWork * run.geometry.activationBytes * run.chunkPartition.chunkSize + bounds.threads * pieceBytes(stage)
      + (bounds.residentChunks < calibration + heldOut ? busy * 2 * waiting[stage] : 0)
      + (stage > 0 ? newWeightBytes(stage - 1) + mappedBytes(stage - 1) : 0)
    memory.hessian = hessianMemory(groups[stage], waiting[stage], bounds)
    memory.model = modelBytes
    var bounded = run
    bounded.bounds = bounds
    for wave in bounded.waves(of: groups[stage], ranks: ranks) {
      memory.formMaximum(waveMemory(Array(wave), bounds))
    }
    memory.solve += newWeightBytes(stage) + mappedBytes(stage)
    // The memory in which ranks of a node form sums is kept, unless there is a limit.
    if bounds.limit == nil, ranksPerNode > 1 { memory.factors += largestSums(groups[stage], bounds) }
    return memory
  }

  /// With float activations, layers of several stages are quantized at once: as many as a wave has room for.
  private func floatMemory(_ bounds: MemoryBounds) -> RankMemory {
    var memory = RankMemory()
    var (waiting, weights) = ([CalibratedGroup](), 0)
    for stage in groups.indices {
      waiting += groups[stage]
      weights += newWeightBytes(stage) + mappedBytes(stage)
      guard stage == groups.count - 1 || waiting.reduce(0, { $0 + $1.sumBytes }) > bounds.wave * ranks else { continue }
      var wave = waveMemory(waiting, bounds)
      wave.solve += weights
      // Sums wait while those of further stages are formed.
      wave.hessian = hessianMemory(waiting, self.waiting[stage], bounds) + wave.factor / 2
      wave.forward = weights
      memory.formMaximum(wave)
      (waiting, weights) = ([], 0)
    }
    return memory
  }

  /// Pages of a mapped model that are there while a stage's layers run or are solved.
  private func mappedBytes(_ stage: Int) -> Int { isLanguageModel ? weightBytes(stage) : 0 }

  /// Bytes of the original weights of a stage's layers.
  private func weightBytes(_ stage: Int) -> Int {
    Set(run.stages[stage].inputGroups.flatMap(\.layers).map { run.layers[$0].layer.weight })
      .reduce(0) { $0 + run.graph.constants[$1]!.storage.byteCount }
  }

  /// Codes and new weights of a stage's layers.
  private func newWeightBytes(_ stage: Int) -> Int {
    run.stages[stage].inputGroups.flatMap(\.layers).reduce(0) { sum, number in
      let (layer, scheme) = (run.layers[number].layer, run.layers[number].scheme)
      let isNarrow = run.graph.values[layer.input].elementType == .bfloat16
      let values = layer.rows * (5 * scheme.groupCount(columns: layer.columns) + 16)
      return sum + layer.rows * layer.columns * (isNarrow ? 3 : 5) + values
    }
  }

  /// The temporary memory in which a chunk's share of sums is made, and what is kept of it while the stages have ever larger ones:
  /// by the rules of `Scratch`.
  private func scratchBytes(_ bounds: MemoryBounds) -> Int {
    let busy = min(bounds.sumChunks, max(1, chunkCount(run.chunkPartition)))
    var blocks: [Int] = []
    for group in groups.joined() {
      let columns = group.group.columns
      let isUnfolded = group.group.unfolding != nil
      // Each thread has a strip, or each chunk the columns that are unfolded and all of the product.
      let product = columns * (isUnfolded ? columns : min(columns, HessianSums.largestStrip))
      let panel = panelElements(group.group)
      for count in [product + panel, group.crossScale == nil ? 0 : product + 2 * panel] {
        let byteCount = 4 * count
        let fitting = blocks.filter { $0 >= byteCount && $0 / 4 <= byteCount }.count
        blocks += Array(repeating: byteCount, count: max(0, (isUnfolded ? busy : bounds.threads) - fitting))
      }
    }
    return blocks.sorted(by: >).prefix(max(16, 2 * threads)).reduce(0, +)
  }

  /// Elements of the columns of X that are unfolded at a time; 0 where none are.
  private func panelElements(_ group: InputGroup) -> Int {
    guard group.unfolding != nil else { return 0 }
    let image = group.columns * run.geometry.positions[group.layers[0]]
    let images = run.chunkPartition.chunkSize / shapes.batches
    return image * min(images, max(1, (8 << 20) / max(image, 1)))
  }

  /// The model as it was read; of a mapped one what is no layer's weight.
  private var modelBytes: Int {
    let layers = Set(run.layers.map(\.layer.weight))
    let constants = run.graph.constants
    guard isLanguageModel else {
      // The writer keeps the file's contents, too.
      let file = (try? FileManager.default.attributesOfItem(atPath: run.options.model)[.size] as? Int) ?? 0
      return constants.values.reduce(file) { $0 + $1.storage.byteCount }
    }
    return constants.reduce(0) { sum, constant in
      // Kept tables are read row by row, and given back.
      layers.contains(constant.key) || run.graph.keeps[constant.key] != nil
        ? sum : sum + constant.value.storage.byteCount
    }
  }

  /// What a piece of a product has of its own on each thread: the weights that it converts, and what libraries pack.
  private func pieceBytes(_ stage: Int) -> Int {
    guard isLanguageModel else { return 0 }
    let columns = run.stages[stage].inputGroups.map(\.columns).max() ?? 0
    return (2 << 20) + 6 * max(Executor.convertedCount, 64 * columns)
  }

  /// Sums that are formed at a time, what each thread works on, and a piece that is being added up.
  private func hessianMemory(_ groups: [CalibratedGroup], _ waiting: Int, _ bounds: MemoryBounds) -> Int {
    let largest = largestSums(groups, bounds)
    let columns = groups.map(\.group.columns).max() ?? 0
    let chunks = max(1, chunkCount(run.chunkPartition))
    let busy = min(bounds.sumChunks, chunks * groups.count)
    // Of a matrix product's columns each thread has a strip of the sums, of a convolution's each chunk has all.
    let partial =
      groups.allSatisfy { $0.group.unfolding == nil }
      ? bounds.threads * 4 * columns * min(columns, HessianSums.largestStrip) : busy * 4 * columns * columns
    // Without a limit `scratchBytes` has that.
    let forming = (bounds.limit == nil ? 0 : partial) + busy * 2 * waiting
    // Ranks of a node add to the same sums, which stay there, or owners copy theirs; else a piece is being added up.
    if ranksPerNode > 1 { return largest + (sumsStay(groups, bounds) ? forming : max(forming, largest)) }
    let piece = min(largest, bounds.reducedAtOnce)
    return largest + max(forming, ranks == 1 ? 0 : min(largest, 2 * piece))
  }

  /// Whether owners read the sums of a wave where the ranks of a node have formed them.
  private func sumsStay(_ groups: [CalibratedGroup], _ bounds: MemoryBounds) -> Bool {
    ranksPerNode > 1 && run.sumsStay(groups, bounds)
  }

  /// The most sums that are formed at a time.
  private func largestSums(_ groups: [CalibratedGroup], _ bounds: MemoryBounds) -> Int {
    var (largest, part) = (0, 0)
    for group in groups {
      part = part + group.sumBytes <= bounds.sums ? part + group.sumBytes : group.sumBytes
      largest = max(largest, part)
    }
    return largest
  }

  /// While a wave is factored and solved, on the rank with most.
  ///
  /// Factoring C columns: one Hessian after the other (or several at once) has two triangles in float64, H and R; U has its place
  /// among the factors, or is copied where it stays at its owner. Rows: whole float matrices of the layers that a rank has rows of.
  private func waveMemory(_ groups: [CalibratedGroup], _ bounds: MemoryBounds) -> RankMemory {
    let owners = OwnerAssignment.owners(costs: groups.map(\.factorCost), speeds: speeds)
    let members = groups.flatMap(\.group.layers)
    let partition = RowPartition(layers: members.map { run.layers[$0].shape }, speeds: speeds)
    var line = 0
    let holders = groups.map { group in
      defer { line += group.group.layers.count }
      return partition.ranks(holding: Set(line..<line + group.group.layers.count))
    }
    let isShared = ranksPerNode > 1
    let routes = FactorRoutes(places: isShared ? nodes : (0..<ranks).map { [$0] }, owners: owners, holders: holders)
    let layouts = groups.map {
      FactorLayout(columns: $0.group.columns, hessians: $0.group.groups, hasDrift: $0.crossScale != nil)
    }

    let together = bounds.limit == nil ? FactorSharing.groups(groups, owners, nodes: nodes, threads: threads) : []
    // H, then U in its place, and R.
    let workspace = together.map { 8 * groups[$0].group.columns * groups[$0].group.columns }.max() ?? 0
    var memory = RankMemory()
    var owned = [Int](repeating: 0, count: ranks)
    var jobs = [[Int]](repeating: [], count: ranks)
    let stay = sumsStay(groups, bounds)
    for (index, group) in groups.enumerated() {
      let square = group.group.columns * group.group.columns
      if !stay { owned[owners[index]] += group.sumBytes }
      let copy = routes.routes[index].staysAtOwner ? 2 * square : 0
      let job = together.contains(index) ? copy : 8 * square + copy
      jobs[owners[index]] += Array(repeating: job, count: group.group.groups)
    }
    memory.factor =
      (0..<ranks).map { rank in
        owned[rank] + jobs[rank].sorted(by: >).prefix(bounds.factorThreads).reduce(0, +)
      }.max() ?? 0
    var places = [Int](repeating: 0, count: routes.places.count)
    for (route, factor) in zip(routes.routes, layouts) {
      if route.staysAtOwner {
        places[routes.placeOfRank[route.owner]] += factor.byteCount
      } else {
        for place in route.places { places[place] += factor.byteCount }
      }
    }
    memory.areFactorsShared = isShared
    let factors = places.max() ?? 0
    // With a limit the factors of a wave are gone before the next is factored; else memory that ranks share is kept.
    memory.factors = bounds.limit == nil ? factors + workspace : 0
    // Those of groups that are not made yet have no pages, while their sums are there.
    if bounds.limit != nil { memory.factor = max(memory.factor, factors + (owned.max() ?? 0) / 3) + factors / 3 }
    let matrices = partition.pieces.map { pieces in
      Set(pieces.map(\.layer)).reduce(0) { sum, line in
        let layer = run.layers[members[line]].layer
        return sum + 4 * layer.rows * layer.columns
      }
    }
    let gathered = members.reduce(0) { sum, member in sum + run.rowBytes(member) * run.layers[member].layer.rows }
    let replaced = members.map { 12 * run.layers[$0].layer.rows * run.layers[$0].layer.columns }.max() ?? 0
    memory.solve = max((matrices.max() ?? 0) + solverBytes(members) + gathered / ranks, 2 * gathered + replaced)
    if bounds.limit != nil { memory.solve += factors }
    return memory
  }

  /// What refinement and OBQ hold of each Hessian or for each thread.
  private func solverBytes(_ members: [Int]) -> Int {
    let square = members.map { run.layers[$0].layer.columns * run.layers[$0].layer.columns }.max() ?? 0
    if run.options.method == .obq { return threads * 4 * square }
    return run.options.effort == .thorough ? 12 * square : 0
  }

  // MARK: Within a limit

  /// As little at a time as can be.
  func leastBounds(limit: Int) -> MemoryBounds {
    var bounds = MemoryBounds(threads: 1)
    bounds.limit = limit
    (bounds.wave, bounds.sums, bounds.residentChunks) = (1, 1, 0)
    return bounds
  }

  /// The smallest limit that suffices, in whole MiB: what allocators may keep grows with it.
  private var leastLimit: Int {
    var limit = 1 << 20
    while true {
      let needed = memory(leastBounds(limit: limit)).perRank
      if needed <= limit { return limit }
      limit = ((needed + (1 << 20) - 1) >> 20) << 20
    }
  }

  /// The bounds within which the run holds no more than `limit`: as much at a time as fits. Throws if nothing fits.
  func bounds(limit: Int) throws(CoordinationError) -> MemoryBounds {
    var bounds = leastBounds(limit: limit)
    let least = memory(bounds)
    guard least.perRank <= limit else {
      let needed = leastLimit >> 20
      throw .doesNotFit(
        "--memory-limit \(limit >> 20)MiB is too little: each rank needs \(needed)MiB, most of it for \(least.largest); "
          + "give --memory-limit \(needed)MiB" + remedy(least))
    }
    /// Takes the largest of `values`, which ascend, that fits; more takes no less.
    func raise(_ path: WritableKeyPath<MemoryBounds, Int>, _ values: [Int]) {
      var (low, high) = (0, values.count)
      while low < high {
        let middle = (low + high) / 2
        var raised = bounds
        raised[keyPath: path] = values[middle]
        if memory(raised).perRank <= limit { low = middle + 1 } else { high = middle }
      }
      if low > 0 { bounds[keyPath: path] = values[low - 1] }
    }
    let numbers = Array(1...max(threads, 1))
    // Activations in memory save reading and writing them all the time; threads come before that, they save more.
    raise(\.threads, numbers)
    raise(\.forwardChunks, numbers)
    raise(\.sumChunks, numbers)
    raise(\.factorThreads, numbers)
    raise(\.residentChunks, Array(0...chunkCount))
    if bounds.residentChunks == chunkCount { bounds.residentChunks = .max }
    let sizes = (20...30).map { 1 << $0 }
    raise(\.sums, sizes.filter { $0 <= 512 << 20 })
    raise(\.wave, sizes)
    return bounds
  }

  private func remedy(_ memory: RankMemory) -> String {
    let expert = run.stages.contains { $0.inputGroups.count > 8 }
    return memory.forward > memory.factor && !expert ? ", or shorter samples" : ""
  }
}

extension QuantizationRun {
  /// The groups of a stage as they are when their inputs have been measured, with scales that mean nothing: for sizes.
  func groupsBeforeSums(ofStage index: Int) -> [CalibratedGroup] {
    let scale = SumScale(bound: 1, chunkCount: 1, columnCount: 1)
    return stages[index].inputGroups.map { group in
      CalibratedGroup(
        group: group, scale: scale, crossScale: correctsDrift && index > 0 ? scale : nil, columnCount: 1,
        includesExtra: false, isCentered: false)
    }
  }

  /// Whether sums that the ranks of a node have formed in memory that they share stay there until they are factored.
  func sumsStay(_ groups: [CalibratedGroup], _ bounds: MemoryBounds) -> Bool {
    bounds.limit == nil && options.propagation == .quantized && groups.reduce(0) { $0 + $1.sumBytes } <= bounds.sums
  }

  /// Bytes by which a rank tells the others a row of a layer, see `RowMessage`.
  func rowBytes(_ member: Int) -> Int {
    let planned = layers[member]
    return planned.layer.columns + 5 * planned.scheme.groupCount(columns: planned.layer.columns) + 16
  }
}
