/// Times of one piece of work that was met again and again, each in seconds of processor time of a thread.
struct ProbeSamples: Sendable {
  /// Those that nothing had to be prepared for.
  private(set) var times: [Double] = []
  /// The very first one: code is made, tables are filled, weights are packed.
  private(set) var first: Double?
  /// Those with weights that had not been met before.
  private(set) var renewals: [Double] = []
  private var spent = 0.0

  /// Adds a time.
  ///
  /// - Parameter isNew: whether its weights, or whatever is kept from one time to the next, are met for the first time.
  mutating func add(_ time: Double, isNew: Bool) {
    spent += time
    if first == nil {
      first = time
    } else if isNew {
      renewals.append(time)
    } else {
      times.append(time)
    }
  }

  /// Whether more of them would say nothing new.
  var isEnough: Bool { times.count >= 24 || (times.count >= 2 && spent > 0.5) }

  /// What recurs takes; nil if nothing was measured.
  var seconds: Double? { Self.typical(times) ?? Self.typical(renewals) ?? first }

  /// What the first time took beyond that.
  var preparation: Double { max(0, (first ?? 0) - (seconds ?? 0)) }

  /// What new weights take beyond that.
  var renewal: Double { max(0, (Self.typical(renewals) ?? 0) - (seconds ?? 0)) }

  /// The mean without the slowest tenth, which may be another program's fault.
  private static func typical(_ times: [Double]) -> Double? {
    if times.isEmpty { return nil }
    let taken = times.sorted().prefix(max(1, times.count * 9 / 10))
    return taken.reduce(0, +) / Double(taken.count)
  }
}
