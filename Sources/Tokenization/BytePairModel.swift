/// Byte-pair encoding: pairs of neighbouring symbols of a word are merged, the pair of lowest rank first.
struct BytePairModel: Sendable {
  private let ids: [ArraySlice<UInt8>: Int32]
  /// What a pair becomes, by both ids.
  private let merges: [UInt64: Merge]
  private let unknown: Int32?
  private let fusesUnknown: Bool
  private let ignoresMerges: Bool
  private let prefix: [UInt8]
  private let suffix: [UInt8]
  /// The ids of the tokens `<0x00>` to `<0xFF>`, for characters without a token; empty without byte fallback.
  private let bytes: [Int32]
  private let hasUnknownName: String?

  private struct Merge: Sendable {
    let rank: Int32
    let id: Int32
  }

  /// The largest id of the vocabulary, -1 for an empty one.
  let largestID: Int32

  /// Reads the model of a tokenizer file. Throws for other models, and where merges name tokens that do not exist.
  init(_ part: JSONPart) throws(TokenizationError) {
    // Old files leave the type out.
    if let type = try part.member("type"), try type.string() != "BPE" {
      throw type.unsupported("the model '\(try type.string())'")
    }
    try part.allowOnly(
      "type", "dropout", "unk_token", "continuing_subword_prefix", "end_of_word_suffix", "fuse_unk", "byte_fallback",
      "ignore_merges", "vocab", "merges")
    if let dropout = try part.member("dropout"), try !dropout.isZero() {
      throw dropout.unsupported("dropout, which makes tokens random")
    }
    let vocabulary = try part.required("vocab")
    guard case .object(let members) = vocabulary.value else { throw vocabulary.malformed("an object is expected") }
    var ids: [ArraySlice<UInt8>: Int32] = [:]
    ids.reserveCapacity(members.count)
    for member in members {
      let id = try JSONPart(
        value: member.value, place: "model.vocab[\(member.name.debugDescription)]",
        path: part.path
      ).id()
      ids[member.key] = id
    }
    prefix = Array(try part.member("continuing_subword_prefix")?.bytes() ?? [])
    suffix = Array(try part.member("end_of_word_suffix")?.bytes() ?? [])
    var merges: [UInt64: Merge] = [:]
    let list = try part.required("merges").elements()
    merges.reserveCapacity(list.count)
    for (rank, element) in list.enumerated() {
      let (left, right) = try Self.pair(element)
      // The second half loses its prefix in the merged token.
      let merged = left + (right.starts(with: prefix) ? right.dropFirst(prefix.count) : right)
      guard let a = ids[left], let b = ids[right], let id = ids[merged] else {
        let text = String(decoding: left + [0x20] + right, as: UTF8.self)
        throw element.malformed("the merge \(text.debugDescription) names a token that is not in the vocabulary")
      }
      let key = Self.key(a, b)
      if merges[key] == nil { merges[key] = Merge(rank: Int32(rank), id: id) }
    }
    hasUnknownName = try part.member("unk_token")?.string()
    unknown = hasUnknownName.flatMap { ids[Array($0.utf8)[...]] }
    fusesUnknown = try part.flag("fuse_unk", default: false)
    ignoresMerges = try part.flag("ignore_merges", default: false)
    var bytes: [Int32] = []
    if try part.flag("byte_fallback", default: false) {
      for byte in 0..<256 {
        let digits = String(byte, radix: 16, uppercase: true)
        let name = "<0x" + (digits.count < 2 ? "0" : "") + digits + ">"
        bytes.append(ids[Array(name.utf8)[...]] ?? -1)
      }
    }
    self.bytes = bytes
    largestID = ids.values.max() ?? -1
    (self.ids, self.merges) = (ids, merges)
  }

  private static func key(_ a: Int32, _ b: Int32) -> UInt64 { UInt64(UInt32(a)) << 32 | UInt64(UInt32(b)) }

  /// A merge: two strings, or one with a space between.
  private static func pair(
    _ part: JSONPart
  ) throws(TokenizationError) -> (left: ArraySlice<UInt8>, right: ArraySlice<UInt8>) {
    if case .string(let text) = part.value {
      let parts = text.split(separator: 0x20, omittingEmptySubsequences: false)
      guard parts.count == 2 else { throw part.malformed("a merge is two tokens with one space between") }
      return (parts[0], parts[1])
    }
    let parts = try part.elements()
    guard parts.count == 2 else { throw part.malformed("a merge is two tokens, not \(parts.count)") }
    return (try parts[0].bytes(), try parts[1].bytes())
  }

  /// The id of a token, nil if there is none.
  func id(of token: ArraySlice<UInt8>) -> Int32? { ids[token] }

  /// The tokens of a word. Throws when a character has no token and there is no unknown token.
  func encode(_ word: [UInt8]) throws(TokenizationError) -> [Int32] {
    if ignoresMerges, let id = ids[word[...]] { return [id] }
    var symbols = try symbols(of: word)
    guard symbols.count > 1 else { return symbols }
    var next = (0..<symbols.count).map { $0 + 1 < symbols.count ? $0 + 1 : -1 }
    var previous = (0..<symbols.count).map { $0 - 1 }
    var queue = MergeQueue()
    func push(_ left: Int) {
      let right = next[left]
      guard right >= 0, let merge = merges[Self.key(symbols[left], symbols[right])] else { return }
      queue.push(
        MergeQueue.Entry(
          rank: merge.rank, left: Int32(left), id: merge.id, pair: Self.key(symbols[left], symbols[right])))
    }
    for left in symbols.indices.dropLast() { push(left) }
    while let entry = queue.pop() {
      let left = Int(entry.left)
      // A symbol that was merged away has -1; a pair that changed since has another key.
      guard symbols[left] >= 0, next[left] >= 0 else { continue }
      let right = next[left]
      guard Self.key(symbols[left], symbols[right]) == entry.pair else { continue }
      symbols[left] = entry.id
      symbols[right] = -1
      next[left] = next[right]
      if next[right] >= 0 { previous[next[right]] = left }
      if previous[left] >= 0 { push(previous[left]) }
      push(left)
    }
    return symbols.filter { $0 >= 0 }
  }

  /// The tokens of a word's characters before any merge.
  private func symbols(of word: [UInt8]) throws(TokenizationError) -> [Int32] {
    var symbols: [Int32] = []
    symbols.reserveCapacity(word.count)
    var (start, lastIsUnknown) = (0, false)
    while start < word.count {
      var end = start + 1
      while end < word.count, word[end] & 0xC0 == 0x80 { end += 1 }
      var token = word[start..<end]
      if start > 0, !prefix.isEmpty { token = prefix + token }
      if end == word.count, !suffix.isEmpty { token = token + suffix }
      if let id = ids[token] {
        symbols.append(id)
        lastIsUnknown = false
      } else if !bytes.isEmpty, token.allSatisfy({ bytes[Int($0)] >= 0 }) {
        symbols += token.map { bytes[Int($0)] }
        lastIsUnknown = false
      } else if let unknown {
        if !(fusesUnknown && lastIsUnknown) { symbols.append(unknown) }
        lastIsUnknown = true
      } else if let hasUnknownName {
        throw .noUnknownToken(hasUnknownName)
      }
      start = end
    }
    return symbols
  }
}
