/// What the factors of a run cost the network: one copy for each node that solves rows with them.
public struct FactorTraffic: Codable, Sendable, Equatable {
  /// Number of nodes.
  public var nodes: Int
  /// Bytes sent from rank to rank: for each receiving place U, order, curvature and drift correction of each group.
  public var bytesSent = 0
  /// Of these, the bytes of U alone, as packed triangles.
  public var triangleBytesSent = 0
  /// Times that the ranks of a node read one copy in shared memory.
  public var sharedStages = 0
  /// Times that each rank of a node had a copy of its own, since memory could not be shared.
  public var copiedStages = 0

  /// Adds what is sent along `routes`. The same on every rank.
  mutating func count(_ routes: FactorRoutes, _ layouts: [FactorLayout], shares: Bool) {
    for (layout, route) in zip(layouts, routes.routes) where !route.staysAtOwner {
      bytesSent += (route.ranks.count - 1) * layout.byteCount
      triangleBytesSent += (route.ranks.count - 1) * layout.hessians * layout.triangleBytes
    }
    let isNeeded =
      routes.routes.contains { !$0.staysAtOwner } && routes.places.reduce(0) { $0 + $1.count } > nodes
    if isNeeded && shares { sharedStages += 1 }
    if isNeeded && !shares { copiedStages += 1 }
  }

  /// One line for the end of a run; nil if nothing was sent or shared.
  var text: String? {
    guard bytesSent > 0 || sharedStages > 0 else { return nil }
    let sent = "factors: \(Self.megabytes(bytesSent)) sent (U \(Self.megabytes(triangleBytesSent)))"
    let nodes = "\(nodes) \(nodes == 1 ? "node" : "nodes")"
    if copiedStages > 0 {
      return sent + ", a copy for each rank: shared memory is off or too small in \(copiedStages) stages, see /dev/shm"
    }
    return sent + (sharedStages > 0 ? ", one copy on each of \(nodes)" : ", \(nodes)")
  }

  private static func megabytes(_ bytes: Int) -> String { "\((Double(bytes) / 1e4).rounded() / 100) MB" }
}
