import Graphs
import LinearAlgebra
import MPI
import Quantization

/// One comparison of several ways to quantize the layers of a model, on the activations of the float model.
///
/// Stage by stage: Hessians of the calibration samples and of the samples held out, then for each variant factors, codes
/// and their true losses on both. Only one stage's Hessians are held at a time. At the end the samples held out run
/// through the model with all layers replaced.
public struct CompareRun {
  private(set) var options: CompareOptions
  /// The variants with the baselines that they are relative to.
  let variants: [CompareVariant]
  var source: any LayerSource
  let timer = PhaseTimer()
  private var progress: Progress
  /// By variant, by layer.
  var results: [[LayerResult]]
  var times: [VariantTimes]
  /// By layer.
  var signals: [Double]

  /// Reads the model and its samples. Collective; throws what is wrong with either, on all ranks, before any work starts.
  public init(_ options: CompareOptions, _ world: borrowing Communicator) throws {
    Parallel.useSingleThreadedLibraries()
    let corrects = options.variants.contains { $0.correctsBias }
    let source = try options.layers.source(addsBiases: corrects, timer, world)
    self.source = source
    self.options = try world.collectively { try options.resolved(for: source) }
    variants = Self.withBaselines(options.variants)
    results = variants.map { [count = source.layers.count] _ in Array(repeating: LayerResult(), count: count) }
    times = variants.map { _ in VariantTimes() }
    signals = Array(repeating: 0, count: source.layers.count)
    progress = Progress(
      total: Double(variants.count * source.layers.count), unit: "layers", enabled: world.rank == 0)
  }

  /// For each number of bits the baselines, then the variants in the order given, each once.
  static func withBaselines(_ variants: [CompareVariant]) -> [CompareVariant] {
    var result: [CompareVariant] = []
    for bits in Set(variants.map(\.bits)).sorted(by: >) {
      let given = variants.filter { $0.bits == bits }.map(\.normalized)
      var list = [CompareVariant.baseline(bits: bits, correctsBias: false)]
      if given.contains(where: \.correctsBias) { list.append(.baseline(bits: bits, correctsBias: true)) }
      for variant in list + given where !result.contains(variant) { result.append(variant) }
    }
    return result
  }

  /// What will be done, for the start of the run.
  public var description: [String] {
    let scheme = options.scheme(variants[0]).description
    return source.description + ["\(variants.count) variants, \(scheme), relative to GPTQ with the same bits"]
  }

  /// Measures all variants. Collective; the report is the same on every rank.
  public mutating func run(_ world: borrowing Communicator) throws -> ComparisonReport {
    try world.collectively { try timer.measure(.read) { try source.open(rank: world.rank, size: world.size) } }
    for stage in source.stages.indices { try compare(stage, world) }
    let outputs = options.measuresOutputs ? try measureOutputs(world) : nil
    progress.finish()
    return try report(outputs, world)
  }

  private mutating func compare(_ index: Int, _ world: borrowing Communicator) throws {
    let (stage, threads) = (source.stages[index], options.layers.threads)
    let calibration = try StageMoments(source, stage: index, .calibration, threads: threads, timer: timer, world)
    let heldOut =
      source.chunkCount(.heldOut) == 0
      ? nil : try StageMoments(source, stage: index, .heldOut, threads: threads, timer: timer, world)
    let solve = StageSolve(
      source, stage: stage, calibration: calibration, heldOut: heldOut, ranks: world.size, threads: threads)
    for (member, signal) in zip(solve.members, try solve.signals(world)) { signals[member] = signal }
    let jobs = FactorJobs(source: source, groups: stage.inputGroups, moments: calibration, threads: threads)
    var keys: [FactorKey] = []
    for variant in variants where !keys.contains(FactorKey(variant)) { keys.append(FactorKey(variant)) }
    // So many keys at a time that every thread of every rank has a factorization to do.
    let perKey = stage.inputGroups.reduce(0) { $0 + $1.groups }
    let batch = max(1, world.size * threads / max(perKey, 1))
    for first in stride(from: 0, to: keys.count, by: batch) {
      let some = Array(keys[first..<min(first + batch, keys.count)])
      let made = try timer.measure(.factor) {
        try jobs.factors(some, planned: { key in self.planned(solve.members, bits: key.bits!) }, world)
      }
      for (key, result) in zip(some, made) {
        let factors = zip(stage.inputGroups, result.factors).flatMap { group, factors in
          group.layers.map { _ in factors }
        }
        for (number, variant) in variants.enumerated() where FactorKey(variant) == key {
          times[number].factorProcessor += result.processor
          times[number].factorWall += result.wall
          try compare(number, solve, factors, world)
          progress.advance(by: Double(solve.members.count), source.layers[solve.members[0]].name)
        }
      }
    }
  }

  /// The layers `members` under the scheme of variants with these bits.
  private func planned(_ members: [Int], bits: Int) -> [Int: PlannedLayer] {
    var variant = CompareVariant()
    variant.bits = bits
    let scheme = options.scheme(variant)
    return Dictionary(
      uniqueKeysWithValues: members.map {
        ($0, PlannedLayer(layer: source.layers[$0], scheme: scheme, bias: nil))
      })
  }

  /// One variant on one stage.
  private mutating func compare(
    _ number: Int, _ solve: StageSolve, _ factors: [[SharedFactor]], _ world: borrowing Communicator
  ) throws {
    let variant = variants[number]
    let byMember = planned(solve.members, bits: variant.bits)
    let planned = solve.members.map { byMember[$0]! }
    let keepsCodes = options.measuresOutputs && source is ModelSource
    let rows = try timer.measure(.solve) {
      try solve.solve(
        variant, planned: planned, factors: factors, keepsCodes: keepsCodes, times: &times[number], world)
    }
    let sums = solve.sums(rows.losses, width: 3)
    var (code, scale) = (0, 0)
    for (line, member) in solve.members.enumerated() {
      var result = LayerResult()
      (result.calibration, result.heldOut, result.predicted) = (sums[line][0], sums[line][1], sums[line][2])
      result.damping = factors[line].map(\.damping).max() ?? 0
      let layer = planned[line].layer
      let codes = code..<code + layer.rows * layer.columns
      let scales = scale..<scale + layer.rows * planned[line].scheme.groupCount(columns: layer.columns)
      (code, scale) = (codes.upperBound, scales.upperBound)
      if keepsCodes {
        var quantized = QuantizedLayer(planned[line])
        quantized.codes = Array(rows.codes[codes])
        quantized.scales = Array(rows.scales[scales])
        quantized.zeroPoints = Array(rows.zeroPoints[scales])
        if variant.correctsBias { quantized.inputMeans = solve.means[line] }
        result.quantized = quantized
      }
      results[number][member] = result
    }
  }
}
