/// A line of a journal: stages that were finished and whose layers are in a file.
struct JournalEntry: Codable, Sendable {
  /// Where a layer is in the file.
  struct Layer: Codable, Sendable {
    /// Its number in the run.
    var number: Int
    /// Its weight's name.
    var name: String
    /// Where its packed codes begin.
    var offset: Int
    /// Bytes of its packed codes.
    var codeBytes: Int
    /// Bytes of what is behind them: scales, zero points, bias.
    var valueBytes: Int
    /// Checksums of both.
    var codeChecksum: UInt64
    var valueChecksum: UInt64
    /// What the report says of it.
    var outcome: LayerOutcome
  }

  /// The first of the stages, counted from 0.
  var firstStage: Int
  /// How many stages.
  var stageCount: Int
  /// The name of the file in the journal's folder.
  var file: String
  /// Its size.
  var byteCount: Int
  /// Its layers.
  var layers: [Layer]
}
