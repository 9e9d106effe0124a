import JSON

/// An event of a trace file that lasts.
struct ReadEvent {
  enum Kind: Equatable, Sendable {
    case run, wait
    case phase(Phase)
  }

  /// Why an event cannot be used.
  struct Problem: Error {
    var reason: String
  }

  let kind: Kind
  /// The rank, below `largestRank`.
  let rank: Int
  /// Seconds.
  let start: Double
  /// Seconds.
  let duration: Double
  let part: String

  /// More ranks than any run has are refused: tables have a line of numbers for each.
  static let largestRank = 1 << 20

  /// The event of a JSON object; nil for metadata.
  init?(_ value: JSONValue) throws {
    guard case .object = value else { throw Problem(reason: "it is \(value.kind), not an object") }
    guard value["ph"]?.text == "X" else { return nil }
    guard let name = value["name"]?.text else { throw Problem(reason: "it has no name") }
    switch name {
    case "run": kind = .run
    case "wait": kind = .wait
    default:
      guard let phase = Phase(rawValue: name) else { throw Problem(reason: "\"\(name)\" is no phase") }
      kind = .phase(phase)
    }
    guard case .integer(let rank)? = value["tid"], (0..<Self.largestRank).contains(rank) else {
      throw Problem(reason: "tid is not a rank below \(Self.largestRank)")
    }
    self.rank = rank
    guard let start = Self.number(value["ts"]), let duration = Self.number(value["dur"]), duration >= 0 else {
      throw Problem(reason: "ts and dur are not a time and a duration")
    }
    (self.start, self.duration) = (start / 1e6, duration / 1e6)
    part = value["args"]?["part"]?.text ?? ""
  }

  /// The number of a JSON value; nil if it is none.
  static func number(_ value: JSONValue?) -> Double? {
    switch value {
    case .integer(let integer): Double(integer)
    case .number(let number) where number.isFinite: number
    default: nil
    }
  }
}
