/// Chooses for each input group the rank that factors its Hessians.
public enum OwnerAssignment {
  /// Consecutive groups to a rank, as rows are (`RowPartition`), if that loads no rank much more: then most factors are where
  /// they are needed. Otherwise owners by descending cost.
  ///
  /// - Parameter costs: work of each group, about columns³ * groups.
  public static func owners(costs: [Double], ranks: Int) -> [Int] {
    let (byCost, inLine) = (byCost(costs, ranks: ranks), inLine(costs, ranks: ranks))
    func largestLoad(_ owners: [Int]) -> Double {
      zip(owners, costs).reduce(into: [Double](repeating: 0, count: ranks)) { $0[$1.0] += $1.1 }.max() ?? 0
    }
    return largestLoad(inLine) <= 1.02 * largestLoad(byCost) ? inLine : byCost
  }

  /// A group belongs to the rank in whose share of the line its middle lies.
  private static func inLine(_ costs: [Double], ranks: Int) -> [Int] {
    let total = costs.reduce(0, +)
    var before = 0.0
    return costs.map { cost in
      defer { before += cost }
      return total > 0 ? min(ranks - 1, Int((before + cost / 2) / total * Double(ranks))) : 0
    }
  }

  /// By descending cost, each to the rank with the least work so far; ties go to the lower rank and group.
  private static func byCost(_ costs: [Double], ranks: Int) -> [Int] {
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
