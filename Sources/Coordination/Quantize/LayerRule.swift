import Foundation

/// What a user asks for the layers that a pattern names.
public struct LayerRule: Sendable, Equatable {
  /// What is done with the layers.
  public enum Action: Sendable, Equatable {
    /// They stay float.
    case keep
    /// They get this many bits.
    case bits(Int)
  }

  /// `first`, `last`, or a shell pattern for names (`layer4.*`).
  public var pattern: String
  /// What is done with them.
  public var action: Action

  /// Makes a rule.
  public init(pattern: String, action: Action) { (self.pattern, self.action) = (pattern, action) }

  /// Whether the rule names the layer at `index` of `count` with any of these names.
  public func matches(names: [String], index: Int, count: Int) -> Bool {
    switch pattern {
    case "first": index == 0
    case "last": index == count - 1
    default: names.contains { fnmatch(pattern, $0, 0) == 0 }
    }
  }

  /// The bits of each layer, nil for layers that are kept; later rules override earlier ones.
  ///
  /// - Parameter names: for each layer, in execution order, the names that it answers to (weight, node).
  /// Throws if a pattern names no layer.
  public static func bits(
    names: [[String]], default bits: Int, rules: [LayerRule]
  ) throws(CoordinationError) -> [Int?] {
    var result = [Int?](repeating: bits, count: names.count)
    for rule in rules {
      let matching = names.indices.filter { rule.matches(names: names[$0], index: $0, count: names.count) }
      guard !matching.isEmpty else {
        throw .patternMatchesNothing(pattern: rule.pattern, example: names.first?.first ?? "")
      }
      for index in matching {
        switch rule.action {
        case .keep: result[index] = nil
        case .bits(let bits): result[index] = bits
        }
      }
    }
    return result
  }
}
