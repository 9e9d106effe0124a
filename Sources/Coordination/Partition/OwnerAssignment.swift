/// Chooses for each input group the rank that factors its Hessians.
public enum OwnerAssignment {
  /// Consecutive groups to a rank, as rows are (`RowPartition`), if that keeps no rank busy much longer: then most factors are where
  /// they are needed. Otherwise owners by descending cost.
  ///
  /// - Parameter costs: work of each group, about columns³ * groups.
  public static func owners(costs: [Double], speeds: RankSpeeds) -> [Int] {
    let (byCost, inLine) = (byCost(costs, speeds), inLine(costs, speeds))
    func longest(_ owners: [Int]) -> Double {
      let load = zip(owners, costs).reduce(into: [Double](repeating: 0, count: speeds.count)) { $0[$1.0] += $1.1 }
      return zip(load, speeds.speeds).map { $0 / $1 }.max() ?? 0
    }
    return longest(inLine) <= 1.02 * longest(byCost) ? inLine : byCost
  }

  /// The same for ranks that are all equally fast.
  public static func owners(costs: [Double], ranks: Int) -> [Int] {
    owners(costs: costs, speeds: RankSpeeds(equal: ranks))
  }

  /// A group belongs to the rank in whose share of the line its middle lies.
  private static func inLine(_ costs: [Double], _ speeds: RankSpeeds) -> [Int] {
    let total = costs.reduce(0, +)
    var before = 0.0
    return costs.map { cost in
      defer { before += cost }
      return total > 0 ? speeds.rank(at: (before + cost / 2) / total) : 0
    }
  }

  /// By descending cost, each to the rank that would be done with it first; ties go to the lower rank and group.
  private static func byCost(_ costs: [Double], _ speeds: RankSpeeds) -> [Int] {
    var load = [Double](repeating: 0, count: speeds.count)
    var owners = [Int](repeating: 0, count: costs.count)
    for group in costs.indices.sorted(by: { (costs[$0], $1) > (costs[$1], $0) }) {
      let rank = load.indices.min { left, right in
        let (a, b) = (
          (load[left] + costs[group]) / speeds.speeds[left], (load[right] + costs[group]) / speeds.speeds[right]
        )
        return (a, left) < (b, right)
      }!
      owners[group] = rank
      load[rank] += costs[group]
    }
    return owners
  }
}
