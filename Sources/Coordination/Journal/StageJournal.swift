import Foundation
import Models

/// The folder beside an output in which rank 0 keeps finished stages until the output is complete: right at any instant.
///
/// `journal` has a line for each commit: the checksum of the rest of the line, and JSON. The first line is the fingerprint of
/// the run, the others are `JournalEntry`. A commit writes a file of layers under a temporary name, makes it durable, renames it
/// and then appends the line; so a line without its file, or half a line, can only be the last thing that was written.
final class StageJournal {
  /// The version of the format.
  private static let version = 1

  /// The first line.
  private struct Header: Codable {
    var version: Int
    var fingerprint: Fingerprint
  }

  /// The folder.
  let folder: String
  /// The file of lines, open to append and locked; nil as long as nothing was committed.
  private var descriptor: Int32?
  private let fingerprint: Fingerprint
  /// The commits so far, in the order of their stages.
  private(set) var entries: [JournalEntry] = []
  /// What was found damaged and dropped, and what may change the output's bytes.
  private(set) var warnings: [String] = []

  private var path: String { folder + "/journal" }

  /// The folder of the journal of `output`.
  static func folder(output: String) -> String {
    FilePath.withoutTrailingSlashes(output) + ".rankwise"
  }

  /// The journal of `output`. Reads one that is there if `start` is `.resume`; nothing is written before the first commit.
  ///
  /// Throws if there is one of another run, if `start` does not say what to do with one, or if another run is writing it.
  init(output: String, fingerprint: Fingerprint, start: JournalStart) throws(CoordinationError) {
    (folder, self.fingerprint) = (Self.folder(output: output), fingerprint)
    guard FileManager.default.fileExists(atPath: path) else {
      // What a run left that ended before its first commit, or while it removed its journal.
      if FileManager.default.fileExists(atPath: folder) { try clear() }
      return
    }
    guard start != .fresh else {
      throw failure(
        "an interrupted run left what it had finished here; go on with --resume, or begin again with --restart, which "
          + "removes it")
    }
    let descriptor = Foundation.open(path, O_RDWR | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(Self.lastError) }
    self.descriptor = descriptor
    try lock(descriptor)
    if start == .restart {
      close()
      try clear()
      return
    }
    try read(descriptor)
    removeStrangers()
    removePartialOutputs(of: output)
  }

  deinit { close() }

  private func close() {
    if let descriptor { Foundation.close(descriptor) }
    descriptor = nil
  }

  private func failure(_ reason: String) -> CoordinationError { .journal(path: folder, reason: reason) }

  private static var lastError: String { String(cString: strerror(errno)) }

  /// Keeps other runs away from the same output, where the file system knows locks.
  private func lock(_ descriptor: Int32) throws(CoordinationError) {
    if flock(descriptor, LOCK_EX | LOCK_NB) != 0, errno == EWOULDBLOCK {
      throw failure("another run is writing this output; wait for its end, or choose another --output")
    }
  }

  /// Removes the folder with all that is in it. Does nothing if there is none.
  func remove() throws(CoordinationError) {
    close()
    if FileManager.default.fileExists(atPath: folder) { try clear() }
  }

  /// Removes the journal's own files and then the folder. The lines go first: without them the rest is not taken for a journal.
  private func clear() throws(CoordinationError) {
    unlink(path)
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? [] where Self.isOwn(name) {
      unlink(folder + "/" + name)
    }
    guard rmdir(folder) == 0 else { throw failure("the folder of the journal cannot be removed: \(Self.lastError)") }
  }

  /// Whether a file of this name is one that a journal makes.
  private static func isOwn(_ name: String) -> Bool {
    name.hasSuffix(".layers") || (name.hasPrefix(".") && name.hasSuffix(".partial"))
  }

  // MARK: Writing

  /// Adds stages with their layers; they are on disk when this returns.
  ///
  /// Throws if something cannot be written, for instance because the disk is full; what was committed before stays.
  func append(
    firstStage: Int, stageCount: Int, _ layers: [(number: Int, name: String, layer: StoredLayer, outcome: LayerOutcome)]
  ) throws(CoordinationError) {
    do {
      try begin()
      var entry = JournalEntry(
        firstStage: firstStage, stageCount: stageCount, file: "stages-\(firstStage).layers", byteCount: 0, layers: [])
      var file = try AtomicFile(path: folder + "/" + entry.file)
      for (number, name, layer, outcome) in layers {
        let (codes, values) = (layer.codeBytes, layer.valueBytes)
        entry.layers.append(
          JournalEntry.Layer(
            number: number, name: name, offset: file.count, codeBytes: codes.count, valueBytes: values.count,
            codeChecksum: codes.withUnsafeBytes { Checksum.of($0) },
            valueChecksum: values.withUnsafeBytes { Checksum.of($0) }, outcome: outcome))
        for bytes in [codes, values] {
          try bytes.withUnsafeBufferPointer { bytes throws(ModelError) in
            try file.write(UnsafeRawBufferPointer(bytes))
          }
        }
      }
      entry.byteCount = file.count
      try file.commit()
      try append(try Self.line(entry))
      entries.append(entry)
    } catch {
      let kept = entries.isEmpty ? "" : "; finished stages are kept: make room, then go on with --resume"
      throw failure("the stages just finished cannot be kept: \(error)\(kept)")
    }
  }

  /// Makes the folder and its file of lines with the first line, if that was not done.
  private func begin() throws {
    if descriptor != nil { return }
    if mkdir(folder, 0o777) != 0, errno != EEXIST { throw failure(Self.lastError) }
    var file = try AtomicFile(path: path)
    try Array(try Self.line(Header(version: Self.version, fingerprint: fingerprint)).utf8).withUnsafeBufferPointer {
      bytes throws(ModelError) in try file.write(UnsafeRawBufferPointer(bytes))
    }
    try file.commit()
    let descriptor = Foundation.open(path, O_RDWR | O_APPEND | O_CLOEXEC)
    guard descriptor >= 0 else { throw failure(Self.lastError) }
    self.descriptor = descriptor
    try lock(descriptor)
  }

  private func append(_ line: String) throws(CoordinationError) {
    var bytes = Array(line.utf8)[...]
    while !bytes.isEmpty {
      let written = bytes.withUnsafeBytes { write(descriptor!, $0.baseAddress, $0.count) }
      if written < 0 {
        if errno == EINTR { continue }
        throw failure(Self.lastError)
      }
      bytes = bytes.dropFirst(written)
    }
    guard fsync(descriptor!) == 0 else { throw failure(Self.lastError) }
  }

  private static func line(_ value: some Encodable) throws -> String {
    let text = String(decoding: try encoder.encode(value), as: UTF8.self)
    return "\(checksum(text).hexadecimal) \(text)\n"
  }

  private static func checksum(_ text: some StringProtocol) -> UInt64 {
    Array(text.utf8).withUnsafeBytes { Checksum.of($0) }
  }

  static let encoder = {
    let encoder = JSONEncoder()
    encoder.outputFormatting = [.sortedKeys, .withoutEscapingSlashes]
    encoder.nonConformingFloatEncodingStrategy = .convertToString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return encoder
  }()

  // MARK: Reading

  static let decoder = {
    let decoder = JSONDecoder()
    decoder.nonConformingFloatDecodingStrategy = .convertFromString(
      positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
    return decoder
  }()

  private static func value<Value: Decodable>(_ type: Value.Type, ofLine line: Substring) -> Value? {
    guard line.utf8.count > 17, let sum = UInt64(line.prefix(16), radix: 16) else { return nil }
    let text = line.dropFirst(17)
    guard checksum(text) == sum else { return nil }
    return try? decoder.decode(type, from: Data(text.utf8))
  }

  /// Reads the lines, drops what a torn write left at the end, and checks every file.
  private func read(_ descriptor: Int32) throws(CoordinationError) {
    guard let data = FileManager.default.contents(atPath: path) else { throw failure("the journal cannot be read") }
    let text = String(decoding: data, as: UTF8.self)
    var lines = text.split(separator: "\n", omittingEmptySubsequences: false)
    // What has no newline behind it was not written to its end.
    let tail = lines.removeLast()
    guard let first = lines.first, let header = Self.value(Header.self, ofLine: first) else {
      throw failure("the first line of the journal is damaged; begin again with --restart")
    }
    guard header.version == Self.version else {
      throw failure("the journal is of another version of Rankwise; begin again with --restart")
    }
    let differences = Fingerprint.differences(journal: header.fingerprint, run: fingerprint)
    guard differences.isEmpty else {
      throw failure(
        "the journal belongs to another run and cannot be continued: \(differences.joined(separator: "; ")). Give the same "
          + "options, or begin again with --restart, or choose another --output")
    }
    if header.fingerprint.machine != fingerprint.machine {
      warnings.append(
        "the stages so far were solved with \(header.fingerprint.machine), the rest will be with \(fingerprint.machine): the "
          + "output may differ from that of an uninterrupted run")
    }
    var goodBytes = first.utf8.count + 1
    var next = 0
    var damage = tail.isEmpty ? nil : "its last line ends in the middle"
    for line in lines.dropFirst() {
      guard let entry = Self.value(JournalEntry.self, ofLine: line), entry.firstStage == next, entry.stageCount > 0
      else {
        damage = "a line does not fit its checksum"
        break
      }
      if let reason = self.damage(of: entry) {
        damage = reason
        break
      }
      entries.append(entry)
      next += entry.stageCount
      goodBytes += line.utf8.count + 1
    }
    guard let damage else { return }
    guard ftruncate(descriptor, off_t(goodBytes)) == 0, fsync(descriptor) == 0 else { throw failure(Self.lastError) }
    warnings.append("\(folder): the last entry is damaged (\(damage)) and was dropped")
  }

  /// What is wrong with the file of an entry; nil if nothing is.
  private func damage(of entry: JournalEntry) -> String? {
    let path = folder + "/" + entry.file
    guard !entry.file.contains("/"), let file = try? LayerFile(path: path) else { return "\(entry.file) is missing" }
    guard file.byteCount == entry.byteCount else { return "\(entry.file) has \(file.byteCount) bytes" }
    for layer in entry.layers {
      if (try? file.codes(layer)) == nil || (try? file.values(layer)) == nil {
        return "\(layer.name) in \(entry.file) does not fit its checksum"
      }
    }
    return nil
  }

  /// Removes files that no entry names: those of commits that did not come to their end.
  private func removeStrangers() {
    let known = Set(entries.map(\.file) + ["journal"])
    for name in (try? FileManager.default.contentsOfDirectory(atPath: folder)) ?? []
    where !known.contains(name) && Self.isOwn(name) {
      unlink(folder + "/" + name)
    }
  }

  /// Removes what runs that were killed while they wrote left beside the output; nobody else writes it now.
  private func removePartialOutputs(of output: String) {
    let (parent, name) = (FilePath.parent(of: output), FilePath.name(of: output))
    for file in (try? FileManager.default.contentsOfDirectory(atPath: parent)) ?? []
    where file.hasPrefix(".\(name).") && file.hasSuffix(".partial") {
      let parts = file.dropFirst(name.count + 2).dropLast(".partial".count).split(separator: ".")
      // Process and number.
      guard parts.count == 2, parts.allSatisfy({ Int($0) != nil }) else { continue }
      try? FileManager.default.removeItem(atPath: parent + "/" + file)
    }
  }
}
