import Foundation
import LinearAlgebra
import MPI
import Models
import Quantization

extension QuantizationRun {
  /// Writes the output on rank 0 and gathers the report. Collective.
  mutating func finish(_ world: borrowing Communicator) throws -> QuantizationReport {
    try world.collectively {
      guard world.rank == 0 else { return }
      try timer.measure(.write) { try write() }
    }
    // Of OBQ, whose rows have orders of their own, U predicts nothing.
    let hasOneOrder = options.method == .compensate
    let entries = layers.indices.map { index in
      let (planned, result, heldOut) = (layers[index], quantized[index], heldOutLosses?[index])
      return QuantizationReport.LayerEntry(
        name: planned.layer.name, rows: planned.layer.rows, columns: planned.layer.columns,
        groups: planned.layer.groups, bits: planned.scheme.bits,
        order: options.orderDescription, damping: result!.damping,
        escalations: result!.escalations, deadColumns: result!.deadColumns, relativeLoss: result!.relativeLoss,
        predictedLoss: hasOneOrder ? result!.relativePredictedLoss : nil, heldOutLoss: heldOut?.loss,
        drift: heldOut?.drift)
    }
    let report = QuantizationReport(
      model: options.model, output: options.output, ranks: world.size, threads: options.threads,
      method: options.method.rawValue, grid: options.grid.rawValue,
      driftCorrection: correctsDrift ? options.driftCorrection : nil,
      samples: chunkPartition.samples.count, heldOutSamples: heldOutPartition?.samples.count ?? 0,
      chunkSize: chunkPartition.chunkSize, instructionSet: InstructionSet.current.description,
      blasKernel: BLAS.kernelName,
      floatBytes: layers.reduce(0) { $0 + $1.layer.rows * $1.layer.columns * 4 },
      quantizedBytes: zip(layers, quantized).reduce(0) { $0 + storedBytes($1.0, $1.1!) }, layers: entries,
      kept: kept.map { .init(name: $0.name, reason: $0.reason) }, phases: try timer.summary(world))
    if world.rank == 0, let path = options.report { try JSONReport.write(report, to: path) }
    return report
  }

  private mutating func write() throws {
    let weights = zip(layers, quantized).map { planned, result in
      QuantizedWeight(
        weight: planned.layer.name, node: graph.nodes[planned.layer.node].name,
        codes: planned.layer.tensorOrder(result!.codes), bits: planned.scheme.bits,
        isSymmetric: planned.scheme.symmetric, scales: planned.storedOrder(result!.scales),
        zeroPoints: planned.storedOrder(result!.zeroPoints), granularity: planned.storedGranularity)
    }
    for planned in layers {
      guard let bias = planned.bias, let values = self.weights[bias] else { continue }
      try model.setBias(node: graph.nodes[planned.layer.node].name, values: values.array(of: Float.self))
    }
    try model.quantize(weights, storage: options.storage == .packed ? .packed : .int8, method: options.method.rawValue)
    try model.write(to: options.output)
  }

  /// Bytes of codes, scales and zero points in the written model.
  private func storedBytes(_ planned: PlannedLayer, _ result: QuantizedLayer) -> Int {
    let packed = options.storage == .packed && planned.scheme.bits <= 4
    let codes = packed ? (result.codes.count + 1) / 2 : result.codes.count
    return codes + result.scales.count * 4 + (planned.scheme.symmetric ? 0 : result.zeroPoints.count)
  }
}
