/// Chooses for each input group the rank that factors its Hessians.
public enum OwnerAssignment {
  /// Owners by descending cost, each to the rank with the least work so far; ties go to the lower rank and group.
  ///
  /// - Parameter costs: work of each group, about columns³ * groups.
  public static func owners(costs: [Double], ranks: Int) -> [Int] {
    var load = [Double](repeating: 0, count: ranks)
    var owners = [Int](repeating: 0, count: costs.count)
    for group in costs.indices.sorted(by: { (costs[$0], $1) > (costs[$1], $0) }) {
      let rank = load.indices.min { (load[$0], $0) < (load[$1], $1) }!
      owners[group] = rank
      load[rank] += costs[group]
    }
    return owners
  }
}
