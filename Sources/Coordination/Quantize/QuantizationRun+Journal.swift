import Calibration
import Foundation
import Graphs
import MPI
import Models

extension QuantizationRun {
  /// Opens the journal of the output on rank 0; returns its entries, on every rank. Collective.
  ///
  /// - Parameters:
  ///   - own: the checksums of this rank's chunks.
  ///   - heldOut: those of its chunks that are held out.
  mutating func openJournal(
    _ own: [UInt64], heldOut: [UInt64], _ world: borrowing Communicator
  ) throws -> [JournalEntry] {
    // Chunks of all ranks are in one order whatever the ranks.
    let all =
      try world.allGatherv(own.span, waiting: .polite).elements
      + world.allGatherv(heldOut.span, waiting: .polite).elements
    let text = try world.collectively {
      rehearsal = try JournalRehearsal.ofEnvironment()
      guard world.rank == 0 else { return "" }
      let samples = all.withUnsafeBytes { Checksum.of($0) }
      let journal = try StageJournal(
        output: options.output, fingerprint: fingerprint(samples: samples), start: options.start)
      let store =
        rehearsal == nil
        ? LayerStore(journal, layers: layers) : LayerStore(journal, layers: layers, patience: .zero)
      self.store = store
      for warning in journal.warnings { progress.note("warning: \(warning)") }
      if store.committedStages > 0 {
        progress.note("resumed: \(store.committedStages) of \(stages.count) stages are in \(journal.folder)")
      } else if options.start == .resume {
        progress.note("nothing to resume in \(journal.folder): from the beginning")
      }
      if journal.entries.isEmpty { return "" }
      return String(decoding: try StageJournal.encoder.encode(journal.entries), as: UTF8.self)
    }
    let received = try world.broadcastValue(text, waiting: .polite)
    if received.isEmpty { return [] }
    return try world.collectively { try StageJournal.decoder.decode([JournalEntry].self, from: Data(received.utf8)) }
  }

  /// Runs all samples through stages that are in the journal, with their layers' weights from there. Collective.
  ///
  /// Nothing is summed and solved; afterwards activations are what they were when the stages had just been finished.
  mutating func replay(_ entry: JournalEntry, _ world: borrowing Communicator) throws {
    // Of a finished network without samples held out nothing is left to run.
    let isNeeded = heldOutPartition != nil || entry.firstStage + entry.stageCount < stages.count
    var rest = entry.layers[...]
    for index in entry.firstStage..<entry.firstStage + entry.stageCount {
      timer.part = "stage \(index + 1)"
      if isNeeded {
        try forward(toStage: index, world)
        if options.propagation == .quantized { try settle(through: index, world) }
      }
      let count = stages[index].inputGroups.reduce(0) { $0 + $1.layers.count }
      for layer in rest.prefix(count) {
        if isNeeded { try load(layer, of: entry, world) }
        outcomes[layer.number] = layer.outcome
      }
      rest = rest.dropFirst(count)
      finishedStages = index + 1
      if isNeeded { try advanceFloatLayers(ofStage: index, measures: false, world) }
      try stopIfAsked(world)
    }
    if isNeeded, options.propagation == .float {
      try settle(through: entry.firstStage + entry.stageCount - 1, world)
    }
  }

  /// Lets the graph run with a layer of the journal, which rank 0 reads and sends to all. Collective.
  private mutating func load(
    _ layer: JournalEntry.Layer, of entry: JournalEntry, _ world: borrowing Communicator
  ) throws {
    let own: (codes: [UInt8], values: [UInt8]) = try world.collectively {
      try timer.measure(.read) { world.rank == 0 ? try store!.bytes(of: layer, in: entry) : ([], []) }
    }
    let (codes, values) = try timer.measure(.gather) {
      (
        try world.broadcastValue(own.codes, waiting: .polite), try world.broadcastValue(own.values, waiting: .polite)
      )
    }
    timer.measure(.replace) {
      let planned = layers[layer.number]
      let stored = StoredLayer(codes: codes, values: values, planned)
      var quantized = QuantizedLayer(planned)
      quantized.codes = StoredLayer.codes(stored.words, planned)
      (quantized.scales, quantized.zeroPoints) = (stored.scales, stored.zeroPoints)
      weights[planned.layer.weight] = replacement(of: planned.layer, by: quantized.dequantized(planned))
      if let bias = planned.bias, !stored.bias.isEmpty {
        weights[bias] = Tensor(stored.bias, shape: graph.constants[bias]!.shape)
      }
    }
  }

  /// Ends the stages up to `index`, whose layers are quantized: their codes leave the memory of all ranks but 0, which keeps
  /// them in the journal. Collective.
  ///
  /// Throws if the journal cannot be written, and if the run was asked to stop.
  mutating func finishStages(through index: Int, _ world: borrowing Communicator) throws {
    let count = index + 1 - finishedStages
    let members = (finishedStages...index).flatMap { stages[$0].inputGroups.flatMap(\.layers) }
    try world.collectively {
      try timer.measure(.commit) {
        for member in members {
          let (planned, result) = (layers[member], quantized[member]!)
          let outcome = LayerOutcome(result, tokens: expertTokens[member])
          outcomes[member] = outcome
          if let store {
            let bias = planned.bias.flatMap { weights[$0]?.array(of: Float.self) }
            store.add(member, StoredLayer(result, planned, bias: bias), outcome)
          }
          quantized[member] = nil
        }
        try store?.finishStages(count)
      }
    }
    finishedStages = index + 1
    if let signal = rehearsal?.signal, rehearsal?.stage == finishedStages, world.rank == world.size - 1 {
      raise(signal)
    }
    try stopIfAsked(world)
  }

  /// Ends the run on all ranks if SIGUSR1 has reached one of them. Collective.
  private mutating func stopIfAsked(_ world: borrowing Communicator) throws {
    guard try world.allReduce(Int64(StopSignal.isSet ? 1 : 0), .maximum, waiting: .polite) > 0 else { return }
    progress.finish()
    try world.collectively {
      guard world.rank == 0, let store else { return }
      try store.commit()
      throw CoordinationError.stopped(
        "stopped by SIGUSR1: \(store.committedStages) of \(stages.count) stages are finished and kept in \(store.folder); "
          + "go on with the same command and --resume")
    }
  }

  /// Sends the samples held out through stages up to `index` as far as these stages' nodes have weights, and then drops what
  /// nobody needs any more: weights of layers that have run for the last time. Collective.
  ///
  /// The samples to calibrate on are at stage `index` already. With `index` the number of stages, the last layers too.
  mutating func settle(through index: Int, _ world: borrowing Communicator) throws {
    while settledStages <= index, settledStages <= finishedStages {
      let isEnd = settledStages == stages.count
      try advanceHeldOut(isEnd ? lastLayers : stages[settledStages].nodes, world)
      for planned in layers where lastStageOfWeight[planned.layer.weight] == settledStages {
        weights[planned.layer.weight] = nil
        if let bias = planned.bias { weights[bias] = nil }
        graph.constants[planned.layer.weight]!.storage.releasePages()
      }
      settledStages += 1
    }
  }
}
