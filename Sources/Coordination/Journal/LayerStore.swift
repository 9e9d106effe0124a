import Models

/// Where rank 0 keeps finished layers until they are written: in the journal, and the latest for a moment in memory.
final class LayerStore {
  /// Stages are kept in memory until so long after the last commit: waiting for a disk costs a few milliseconds, as much as a
  /// stage of a small network takes.
  static let patience = Duration.milliseconds(500)

  private struct Pending {
    var number: Int
    var layer: StoredLayer
    var outcome: LayerOutcome
  }

  private let journal: StageJournal
  private let layers: [PlannedLayer]
  private var pending: [Pending] = []
  private var pendingStages = 0
  private var lastCommit = ContinuousClock.now

  private let patience: Duration

  /// Keeps finished ones of `layers` in `journal`.
  init(_ journal: StageJournal, layers: [PlannedLayer], patience: Duration = LayerStore.patience) {
    (self.journal, self.layers, self.patience) = (journal, layers, patience)
  }

  /// The stages in the journal.
  var committedStages: Int { journal.entries.last.map { $0.firstStage + $0.stageCount } ?? 0 }

  /// Where the journal is.
  var folder: String { journal.folder }

  /// Takes a layer; its stage is finished with `finishStages`.
  func add(_ number: Int, _ layer: StoredLayer, _ outcome: LayerOutcome) {
    pending.append(Pending(number: number, layer: layer, outcome: outcome))
  }

  /// Says that the next `count` stages are complete, and commits them unless the last commit was just before.
  func finishStages(_ count: Int) throws(CoordinationError) {
    pendingStages += count
    if ContinuousClock.now - lastCommit >= patience { try commit() }
  }

  /// Commits what is in memory.
  func commit() throws(CoordinationError) {
    guard pendingStages > 0 else { return }
    try journal.append(
      firstStage: committedStages, stageCount: pendingStages,
      pending.map { ($0.number, layers[$0.number].layer.name, $0.layer, $0.outcome) })
    (pending, pendingStages) = ([], 0)
    lastCommit = ContinuousClock.now
  }

  /// The packed codes and the other values of a layer of the journal.
  func bytes(of layer: JournalEntry.Layer, in entry: JournalEntry) throws(CoordinationError) -> (
    codes: [UInt8], values: [UInt8]
  ) {
    let file = try LayerFile(path: journal.folder + "/" + entry.file)
    return (try file.codes(layer), try file.values(layer))
  }

  /// All layers, for a writer.
  func finished() throws(CoordinationError) -> FinishedLayers {
    var places: [FinishedLayers.Place?] = Array(repeating: nil, count: layers.count)
    for entry in journal.entries {
      let file = try LayerFile(path: journal.folder + "/" + entry.file)
      for layer in entry.layers { places[layer.number] = .journal(file, layer) }
    }
    for one in pending { places[one.number] = .memory(one.layer) }
    return FinishedLayers(layers: layers, places: places.map { $0! })
  }

  /// Removes the journal, when the output is complete.
  func remove() throws(CoordinationError) { try journal.remove() }
}
