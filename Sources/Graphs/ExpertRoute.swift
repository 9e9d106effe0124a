/// Whose rows a value has: those of the tokens that chose one expert of a mixture.
public struct ExpertRoute: Hashable, Sendable {
  /// The weights of each token's experts, (tokens, experts).
  public var weights: ValueID
  /// Which experts run on each token, bool, (tokens, experts).
  public var chosen: ValueID
  /// The expert.
  public var expert: Int
}

extension Graph {
  /// The values that have rows for an expert's tokens only, and which these are. Complexity: O(nodes + edges).
  public func expertRoutes() -> [ValueID: ExpertRoute] {
    var weights: [ValueID: ValueID] = [:]
    var routes: [ValueID: ExpertRoute] = [:]
    for node in nodes {
      var route: ExpertRoute?
      switch node.kind {
      case .expertWeights:
        if let values = node.outputs[0], let chosen = node.outputs[1] { weights[chosen] = values }
      case .expertTokens:
        if let chosen = node.inputs[1], let weights = weights[chosen] {
          route = ExpertRoute(weights: weights, chosen: chosen, expert: node.int("expert", default: 0))
        }
      case .expertSum: break
      default: route = routes.isEmpty ? nil : node.inputs.lazy.compactMap { $0.flatMap { routes[$0] } }.first
      }
      guard let route else { continue }
      for case let output? in node.outputs { routes[output] = route }
    }
    return routes
  }
}
