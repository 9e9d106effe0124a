import JSON

/// Factors on their way in a trace file: the two events of their beginning and end.
struct ReadTransfer {
  /// The rank.
  let rank: Int
  /// Seconds.
  let start: Double
  /// Seconds.
  let end: Double

  /// All transfers of a file's events; those of other kinds are passed over.
  static func list(_ values: [JSONValue]) throws -> [ReadTransfer] {
    var begun: [String: (rank: Int, start: Double)] = [:]
    var list: [ReadTransfer] = []
    for (index, value) in values.enumerated() {
      guard value["cat"]?.text == "transfer", let kind = value["ph"]?.text else { continue }
      guard let id = value["id"]?.text, let time = ReadEvent.number(value["ts"]) else {
        throw ReadEvent.Problem(reason: "event \(index): a transfer without id and ts")
      }
      guard case .integer(let rank)? = value["tid"], (0..<ReadEvent.largestRank).contains(rank) else {
        throw ReadEvent.Problem(reason: "event \(index): tid is not a rank below \(ReadEvent.largestRank)")
      }
      if kind == "b" {
        begun[id] = (rank, time / 1e6)
      } else if let (rank, start) = begun.removeValue(forKey: id), time / 1e6 >= start {
        list.append(ReadTransfer(rank: rank, start: start, end: time / 1e6))
      } else {
        throw ReadEvent.Problem(reason: "event \(index): transfer \(id) ends before it begins")
      }
    }
    return list
  }
}
