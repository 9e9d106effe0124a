/// How text is cut into the words that merges stay inside of.
indirect enum PreTokenizer: Sendable {
  case sequence([PreTokenizer])
  case byteLevel(addsPrefixSpace: Bool, pattern: Pattern?)
  case split(Pattern, Behavior, inverted: Bool)
  case digits(individual: Bool)
  case metaspace(replacement: [UInt8], Prepending, splits: Bool)

  /// What becomes of the places that a pattern finds.
  enum Behavior: String, Sendable {
    case removed = "Removed"
    case isolated = "Isolated"
    case mergedWithPrevious = "MergedWithPrevious"
    case mergedWithNext = "MergedWithNext"
    case contiguous = "Contiguous"
  }

  /// Where a metaspace is put in front.
  enum Prepending: String, Sendable { case always, first, never }

  /// A word, and whether it is the beginning of the whole text.
  struct Word {
    var bytes: [UInt8]
    var isFirst: Bool
  }

  /// The expression of GPT-2, which `ByteLevel` uses.
  private static let gpt2 = #"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+"#

  /// Reads a pre-tokenizer of a tokenizer file. Throws for kinds that are not known.
  static func read(_ part: JSONPart) throws(TokenizationError) -> PreTokenizer {
    let type = try part.required("type").string()
    switch type {
    case "Sequence":
      try part.allowOnly("type", "pretokenizers")
      var all: [PreTokenizer] = []
      for element in try part.required("pretokenizers").elements() { all.append(try read(element)) }
      return .sequence(all)
    case "ByteLevel":
      try part.allowOnly("type", "add_prefix_space", "trim_offsets", "use_regex")
      return .byteLevel(
        addsPrefixSpace: try part.flag("add_prefix_space", default: true),
        pattern: try part.flag("use_regex", default: true) ? Pattern.compile(gpt2).pattern : nil)
    case "Split":
      try part.allowOnly("type", "pattern", "behavior", "invert")
      let behavior = try part.required("behavior")
      guard let known = Behavior(rawValue: try behavior.string()) else {
        throw behavior.unsupported("'\(try behavior.string())'")
      }
      return .split(
        try Pattern.read(try part.required("pattern")), known, inverted: try part.flag("invert", default: false))
    case "Digits": return .digits(individual: try part.flag("individual_digits", default: false))
    case "Metaspace":
      try part.allowOnly("type", "replacement", "add_prefix_space", "prepend_scheme", "split", "str_rep")
      var prepending = Prepending.always
      if let scheme = try part.member("prepend_scheme") {
        guard let known = Prepending(rawValue: try scheme.string()) else {
          throw scheme.unsupported("'\(try scheme.string())'")
        }
        prepending = known
      } else if try !part.flag("add_prefix_space", default: true) {
        prepending = .never
      }
      return .metaspace(
        replacement: Array(try part.required("replacement").bytes()), prepending,
        splits: try part.flag("split", default: true))
    case "Whitespace": return .split(Pattern.compile(#"\w+|[^\w\s]+"#).pattern!, .removed, inverted: true)
    case "WhitespaceSplit": return .split(Pattern.compile(#"\s"#).pattern!, .removed, inverted: false)
    default: throw part.unsupported("the pre-tokenizer '\(type)'")
    }
  }

  /// Cuts words further.
  func apply(_ words: [Word]) throws(TokenizationError) -> [Word] {
    if case .sequence(let all) = self {
      var words = words
      for step in all { words = try step.apply(words) }
      return words
    }
    var result: [Word] = []
    for word in words { try cut(word, into: &result) }
    return result
  }

  private func cut(_ word: Word, into result: inout [Word]) throws(TokenizationError) {
    switch self {
    case .sequence: break
    case .byteLevel(let addsPrefixSpace, let pattern):
      var word = word
      if addsPrefixSpace, word.bytes.first != UInt8(ascii: " ") { word.bytes.insert(UInt8(ascii: " "), at: 0) }
      var pieces = [word]
      if let pattern {
        pieces = []
        Self.split(word, try pattern.matches(in: word.bytes), .isolated, into: &pieces)
      }
      for piece in pieces {
        result.append(Word(bytes: piece.bytes.flatMap { ByteAlphabet.characters[Int($0)] }, isFirst: piece.isFirst))
      }
    case .split(let pattern, let behavior, let inverted):
      var matches = try pattern.matches(in: word.bytes)
      if inverted { matches = Self.gaps(between: matches, count: word.bytes.count) }
      Self.split(word, matches, behavior, into: &result)
    case .digits(let individual):
      let pattern = Pattern.compile(#"\p{N}"#).pattern!
      Self.split(word, try pattern.matches(in: word.bytes), individual ? .isolated : .contiguous, into: &result)
    case .metaspace(let replacement, let prepending, let splits):
      var bytes: [UInt8] = []
      for byte in word.bytes { if byte == UInt8(ascii: " ") { bytes += replacement } else { bytes.append(byte) } }
      let prepends = prepending == .always || prepending == .first && word.isFirst
      if prepends, !bytes.starts(with: replacement) { bytes = replacement + bytes }
      let word = Word(bytes: bytes, isFirst: word.isFirst)
      guard splits else { return result.append(word) }
      let matches = try Pattern.literal(String(decoding: replacement, as: UTF8.self)).matches(in: bytes)
      Self.split(word, matches, .mergedWithNext, into: &result)
    }
  }

  /// What lies between matches.
  private static func gaps(between matches: [Range<Int>], count: Int) -> [Range<Int>] {
    var result: [Range<Int>] = []
    var next = 0
    for match in matches {
      if match.lowerBound > next { result.append(next..<match.lowerBound) }
      next = match.upperBound
    }
    if next < count { result.append(next..<count) }
    return result
  }

  /// Cuts `word` at `matches`.
  private static func split(_ word: Word, _ matches: [Range<Int>], _ behavior: Behavior, into result: inout [Word]) {
    var pieces: [(range: Range<Int>, isMatch: Bool)] = []
    var next = 0
    for match in matches {
      if match.lowerBound > next { pieces.append((next..<match.lowerBound, false)) }
      pieces.append((match, true))
      next = match.upperBound
    }
    if next < word.bytes.count { pieces.append((next..<word.bytes.count, false)) }
    var ranges: [Range<Int>] = []
    switch behavior {
    case .removed: ranges = pieces.filter { !$0.isMatch }.map(\.range)
    case .isolated: ranges = pieces.map(\.range)
    case .mergedWithPrevious:
      var previousIsMatch = false
      for piece in pieces {
        if piece.isMatch, !previousIsMatch, let last = ranges.last {
          ranges[ranges.count - 1] = last.lowerBound..<piece.range.upperBound
        } else {
          ranges.append(piece.range)
        }
        previousIsMatch = piece.isMatch
      }
    case .mergedWithNext:
      var previousIsMatch = false
      for piece in pieces.reversed() {
        if piece.isMatch, !previousIsMatch, let last = ranges.last {
          ranges[ranges.count - 1] = piece.range.lowerBound..<last.upperBound
        } else {
          ranges.append(piece.range)
        }
        previousIsMatch = piece.isMatch
      }
      ranges.reverse()
    case .contiguous:
      var previousIsMatch: Bool?
      for piece in pieces {
        if previousIsMatch == piece.isMatch, let last = ranges.last {
          ranges[ranges.count - 1] = last.lowerBound..<piece.range.upperBound
        } else {
          ranges.append(piece.range)
        }
        previousIsMatch = piece.isMatch
      }
    }
    for range in ranges where !range.isEmpty {
      result.append(Word(bytes: Array(word.bytes[range]), isFirst: word.isFirst && range.lowerBound == 0))
    }
  }
}
