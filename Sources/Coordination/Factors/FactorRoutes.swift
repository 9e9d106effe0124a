/// Which way the factors of each input group travel: from the group's owner once to each place where rows of it are solved.
///
/// A place is a set of ranks that read one copy: the ranks of a node, or a single rank. Every rank computes the same routes.
struct FactorRoutes: Equatable {
  /// One input group's way.
  struct Route: Equatable {
    /// The rank that has the factors.
    let owner: Int
    /// The ranks that solve rows with them, in ascending order.
    let holders: [Int]
    /// The owner, then one rank of every other place that has holders.
    let ranks: [Int]
    /// The places that get a copy: those with holders, and the owner's.
    let places: [Int]

    /// Whether the owner is the only one who needs them, so that nothing is copied.
    var staysAtOwner: Bool { holders.allSatisfy { $0 == owner } }
  }

  /// The ranks of each place.
  let places: [[Int]]
  /// The place of each rank.
  let placeOfRank: [Int]
  /// The way of each group.
  let routes: [Route]

  /// Finds the routes.
  ///
  /// - Parameters:
  ///   - places: the ranks of each place, the one that receives first.
  ///   - owners: of each group.
  ///   - holders: the ranks that solve rows of each group.
  init(places: [[Int]], owners: [Int], holders: [[Int]]) {
    var placeOfRank = [Int](repeating: 0, count: places.reduce(0) { $0 + $1.count })
    for (place, ranks) in places.enumerated() { for rank in ranks { placeOfRank[rank] = place } }
    self.places = places
    self.placeOfRank = placeOfRank
    routes = zip(owners, holders).map { owner, holders in
      let first = placeOfRank[owner]
      let held = Set(holders.map { placeOfRank[$0] })
      // Neighbours follow each other; with many owners every place is the last one equally often.
      let others = (1..<max(places.count, 1)).map { (first + $0) % places.count }.filter { held.contains($0) }
      return Route(
        owner: owner, holders: holders, ranks: [owner] + others.map { places[$0][0] },
        places: held.union([first]).sorted())
    }
  }

  /// The groups of which a place has a copy, with the byte where each begins, and the bytes of all.
  func contents(ofPlace place: Int, byteCounts: [Int]) -> (offsets: [Int: Int], byteCount: Int) {
    var (offsets, end) = ([Int: Int](), 0)
    for (group, route) in routes.enumerated() where !route.staysAtOwner && route.places.contains(place) {
      offsets[group] = end
      end += byteCounts[group]
    }
    return (offsets, end)
  }
}
