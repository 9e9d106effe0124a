import Foundation
import LinearAlgebra
import MPI
import Models
import Quantization

extension QuantizationRun {
  /// Writes the output on rank 0 and gathers the report. Collective.
  mutating func finish(_ world: borrowing Communicator) throws -> QuantizationReport {
    timer.part = ""
    try world.collectively {
      guard world.rank == 0 else { return }
      try timer.measure(.write) {
        try writer.write(try store!.finished())
        try store!.remove()
      }
    }
    // Of OBQ, whose rows have orders of their own, U predicts nothing.
    let hasOneOrder = options.method == .compensate
    let entries = layers.indices.map { index in
      let (planned, result, heldOut) = (layers[index], outcomes[index]!, heldOutLosses[index])
      return QuantizationReport.LayerEntry(
        name: planned.layer.name, rows: planned.layer.rows, columns: planned.layer.columns,
        groups: planned.layer.groups, bits: planned.scheme.bits,
        order: options.orderDescription, damping: result.damping,
        escalations: result.escalations, deadColumns: result.deadColumns, relativeLoss: result.relativeLoss,
        predictedLoss: hasOneOrder ? result.relativePredictedLoss : nil, heldOutLoss: heldOut?.loss,
        drift: heldOut?.drift, tokens: result.ownTokens, extraTokens: result.extraTokens)
    }
    let times = try timer.rankTimes(world)
    let report = QuantizationReport(
      model: options.model, output: options.output, ranks: world.size, threads: options.threads,
      speeds: speeds.areEqual ? nil : speeds.speeds,
      method: options.method.rawValue, grid: options.grid.rawValue,
      driftCorrection: correctsDrift ? options.driftCorrection : nil,
      expertTokens: outcomes.allSatisfy { $0?.ownTokens == nil } || !options.method.compensates
        ? nil : options.expertTokens,
      samples: chunkPartition.samples.count, heldOutSamples: heldOutPartition?.samples.count ?? 0,
      chunkSize: chunkPartition.chunkSize, instructionSet: InstructionSet.current.description,
      blasKernel: BLAS.kernelName,
      floatBytes: layers.reduce(0) { $0 + graph.constants[$1.layer.weight]!.storage.byteCount },
      quantizedBytes: layers.reduce(0) { $0 + writer.storedByteCount(form(of: $1)) }, layers: entries,
      kept: kept.map { .init(name: $0.name, reason: $0.reason) }, factorTraffic: factorTraffic,
      factorTransfers: try TransferOverlap.ofRun(timer, world),
      phases: times.phases,
      efficiency: ParallelEfficiency(times), rankTimes: times)
    if let path = options.trace, let clocks {
      try TraceFile.write(timer, begin: clocks, nodes: nodes!, to: path, world)
    }
    if world.rank == 0, let path = options.report { try JSONReport.write(report, to: path) }
    return report
  }

  /// What the writer knows of a layer.
  private func form(of planned: PlannedLayer) -> SolvedLayer.Form {
    planned.form(node: graph.nodes[planned.layer.node].name)
  }
}
