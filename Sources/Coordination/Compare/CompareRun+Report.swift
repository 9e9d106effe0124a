import Foundation
import MPI
import Quantization

extension CompareRun {
  /// Gathers the report and writes it on rank 0. Collective; the result is the same on every rank.
  func report(_ outputs: [OutputStatistics]?, _ world: borrowing Communicator) throws -> ComparisonReport {
    let own = times.flatMap(\.flat)
    let times = try world.allGather(own.span)
    let size = world.size
    let entries = variants.indices.map { number in
      entry(
        number, outputs: outputs?[number],
        times: (0..<size).map { rank in
          Array(times[rank * own.count + number * 4..<rank * own.count + number * 4 + 4])
        })
    }
    let granularity =
      switch options.granularity {
      case .tensor: "tensor"
      case .channel: "channel"
      case .group(let size): "group of \(size)"
      }
    let layers = source.layers.enumerated().map { index, layer in
      ComparisonReport.LayerEntry(
        name: layer.name, rows: layer.rows, columns: layer.columns, groups: layer.groups,
        hasBias: source.hasBias(index), signal: signals[index])
    }
    let report = ComparisonReport(
      model: options.layers.model, ranks: size, threads: options.layers.threads,
      samples: source.sampleCount(.calibration), heldOutSamples: source.sampleCount(.heldOut),
      symmetric: options.symmetric, granularity: granularity, layers: layers, variants: entries,
      phases: try timer.summary(world))
    try world.collectively {
      guard world.rank == 0 else { return }
      if let path = options.report { try JSONReport.write(report, to: path) }
      if let path = options.csv { try report.writeTable(to: path) }
    }
    return report
  }

  private func entry(
    _ number: Int, outputs: OutputStatistics?, times: [[Double]]
  ) -> ComparisonReport.VariantEntry {
    let variant = variants[number]
    let results = results[number]
    func ratios(_ baseline: CompareVariant) -> ComparisonReport.Ratios? {
      guard let base = variants.firstIndex(of: baseline).map({ self.results[$0] }) else { return nil }
      func ratio(_ loss: KeyPath<LayerResult, Double>) -> Double {
        ComparisonReport.geometricMean(results.map { $0[keyPath: loss] }, over: base.map { $0[keyPath: loss] })
      }
      return ComparisonReport.Ratios(
        calibration: ratio(\.calibration), heldOut: source.sampleCount(.heldOut) > 0 ? ratio(\.heldOut) : nil,
        predicted: variant.isPredictable ? ratio(\.predicted) : nil)
    }
    let graph = (source as? ModelSource)?.graph
    let outputEntries = outputs.map { statistics in
      zip(graph!.outputs, statistics.errors).map { id, errors in
        EvaluationReport.OutputEntry(name: graph!.values[id].name, errors: errors)
      }
    }
    let languageModel = (source as? ModelSource).flatMap { $0.isLanguageModel ? $0 : nil }
    let classifies = languageModel != nil || graph.flatMap { EvaluationRun.classOutput($0) } != nil
    // A language model chooses a token behind each one.
    let choices = source.sampleCount(.heldOut) * (languageModel?.positions ?? 1)
    return ComparisonReport.VariantEntry(
      variant: variant, toBaseline: ratios(.baseline(bits: variant.bits, correctsBias: false))!,
      toCorrectedBaseline: ratios(.baseline(bits: variant.bits, correctsBias: true)),
      outputs: outputEntries ?? [],
      agreement: classifies ? outputs.map { $0.agreeing / Double(choices) } : nil,
      seconds: ComparisonReport.TimeEntry(
        factorProcessor: times.map { $0[0] }, factorWall: times.map { $0[1] }.max()!,
        solveProcessor: times.map { $0[2] }, solveWall: times.map { $0[3] }.max()!),
      layers: zip(source.layers, results).map { layer, result in
        ComparisonReport.LossEntry(
          layer: layer.name, calibration: result.calibration, heldOut: result.heldOut,
          predicted: variant.isPredictable ? result.predicted : nil,
          damping: result.damping)
      })
  }
}
