import LinearAlgebra

/// Which Hessians the ranks of a node factor together, and which each rank factors of those that it owns.
///
/// Results do not depend on it: one thread and a team do the same arithmetic.
enum FactorSharing {
  /// One input group that a rank of the node owns.
  struct Job: Equatable {
    let columns: Int
    let hessians: Int
    /// The owner's number on the node.
    let owner: Int

    /// Work, about columns³.
    var cost: Double { Double(columns) * Double(columns) * Double(columns) * Double(hessians) }
  }

  /// A Hessian of so many columns takes one thread 2 ms (Benchmarks/README.md), not much more than it takes to meet.
  static let fewestColumns = 512

  /// What a team of several processes keeps of the speed of its members: 0.95 and more with two (Benchmarks/README.md).
  static let efficiency = 0.95

  /// The jobs that all ranks of the node do together, by number, so that the node is done earliest: the largest ones, one after the
  /// other, then each rank its own others. Every rank of the node computes the same.
  ///
  /// - Parameter threads: of each rank of the node.
  static func together(_ jobs: [Job], threads: [Int]) -> [Int] {
    guard threads.count > 1 else { return [] }
    let candidates = jobs.indices.filter { jobs[$0].columns >= fewestColumns }
      .sorted { (jobs[$1].columns, $0) < (jobs[$0].columns, $1) }
    var (best, time) = (0, alone(jobs, threads))
    var (spent, taken) = (0.0, Set<Int>())
    for (count, index) in candidates.enumerated() {
      let job = jobs[index]
      spent +=
        job.cost
        / (efficiency * Double(team(job.columns, owner: job.owner, threads: threads).map { threads[$0] }.reduce(0, +)))
      taken.insert(index)
      let rest = jobs.indices.filter { !taken.contains($0) }.map { jobs[$0] }
      let total = spent + alone(rest, threads)
      if total < time { (best, time) = (count + 1, total) }
    }
    return candidates.prefix(best).sorted()
  }

  /// The ranks of the node that factor a Hessian together: the owner and those behind it, as many as have something to do.
  static func team(_ columns: Int, owner: Int, threads: [Int]) -> [Int] {
    var (team, members) = ([owner], threads[owner])
    for step in 1..<max(threads.count, 1) where members < Team.useful(order: columns) {
      team.append((owner + step) % threads.count)
      members += threads[team.last!]
    }
    return team
  }

  private static func alone(_ jobs: [Job], _ threads: [Int]) -> Double {
    var load = [Double](repeating: 0, count: threads.count)
    var longest = load
    for job in jobs {
      load[job.owner] += job.cost
      let one = job.cost / Double(job.hessians) / Double(min(threads[job.owner], Team.useful(order: job.columns)))
      longest[job.owner] = max(longest[job.owner], one)
    }
    return threads.indices.map { max(load[$0] / Double(threads[$0]), longest[$0]) }.max() ?? 0
  }

  /// The numbers of the groups that all ranks of their owners' nodes factor together where all ranks have so many threads.
  static func groups(
    _ groups: [CalibratedGroup], _ owners: [Int], nodes: [[Int]], threads: Int
  ) -> Set<Int> {
    var result = Set<Int>()
    let owned = Dictionary(grouping: groups.indices) { owners[$0] }
    for ranks in nodes where ranks.count > 1 {
      let local = ranks.indices.flatMap { place in (owned[ranks[place]] ?? []).map { (group: $0, owner: place) } }
      let jobs = local.map {
        Job(columns: groups[$0.group].group.columns, hessians: groups[$0.group].group.groups, owner: $0.owner)
      }
      if jobs.isEmpty { continue }
      result.formUnion(together(jobs, threads: Array(repeating: threads, count: ranks.count)).map { local[$0].group })
    }
    return result
  }
}
