import Calibration
import LinearAlgebra

extension PlanSimulation {
  /// One stage, wave by wave as a run solves it.
  func result(_ stage: PlannedStage, _ chunks: [Double], _ places: [[Int]]) -> StageResult {
    var result = StageResult()
    result.seconds[.forward] = chunks.map { $0 * (stage.forwardSeconds + stage.layerSeconds) }
    // Threads take pieces of all chunks and groups, so that no one waits long.
    let sums = stage.sumSeconds.reduce(0, +)
    let longest = zip(stage.groups, stage.sumSeconds).map { group, seconds in
      seconds / Double(min(threads, HessianSums.pieceCount(group.group)))
    }
    result.seconds[.hessian] = chunkWork(chunks).map {
      max($0 * sums / Double(threads), $0 > 0 ? longest.max() ?? 0 : 0)
    }
    for wave in run.waves(of: stage.groups, ranks: layout.ranks) { add(Array(wave), places, &result) }
    return result
  }

  /// Chunks of each rank without rounding up to threads.
  private func chunkWork(_ rounded: [Double]) -> [Double] {
    if threads == 1 { return rounded }
    return (0..<layout.ranks).map {
      Double(run.chunkPartition.chunks(ofRank: $0, size: layout.ranks).count)
    }
  }

  private func add(_ groups: [CalibratedGroup], _ places: [[Int]], _ result: inout StageResult) {
    let owners = OwnerAssignment.owners(costs: groups.map(\.factorCost), ranks: layout.ranks)
    let members = groups.flatMap(\.group.layers)
    let partition = RowPartition(layers: members.map { run.layers[$0].shape }, ranks: layout.ranks)
    var line = 0
    let holders = groups.map { group in
      defer { line += group.group.layers.count }
      return partition.ranks(holding: Set(line..<line + group.group.layers.count))
    }
    let shares = ranksPerNode > 1
    let routes = FactorRoutes(
      places: shares ? places : (0..<layout.ranks).map { [$0] }, owners: owners, holders: holders)
    let layouts = groups.map {
      FactorLayout(columns: $0.group.columns, hessians: $0.group.groups, hasDrift: $0.crossScale != nil)
    }
    result.traffic.nodes = layout.nodes
    result.traffic.count(routes, layouts, shares: shares)
    let bytes = groups.reduce(0) { $0 + $1.sumBytes }
    result.reducedBytes += bytes
    if shares {
      let contents = routes.places.indices.map { place in
        routes.contents(ofPlace: place, byteCounts: layouts.map(\.byteCount)).byteCount
      }
      result.factorBytes = max(result.factorBytes, contents.max() ?? 0)
      let sums = groups.reduce((part: 0, largest: 0)) { sums, group in
        let part = sums.part + group.sumBytes <= run.bounds.sums ? sums.part + group.sumBytes : group.sumBytes
        return (part, max(sums.largest, part))
      }
      result.sumBytes = max(result.sumBytes, sums.largest)
      add(.hessian, everyone(machine.copySeconds(Double(bytes) / Double(ranksPerNode))), &result)
    } else {
      let clear = groups.reduce(0.0) {
        $0 + Double($1.sumBytes) / machine.rate(.sumClear, columns: $1.group.columns)
      }
      add(.hessian, everyone(clear), &result)
    }
    add(.reduce, reduceSeconds(groups, owners), &result)
    let factor = factorSeconds(groups, owners, routes)
    add(.factor, factor.ofRank, &result)
    add(.broadcast, Array(repeating: broadcastSeconds(routes, layouts, factor.ends), count: layout.ranks), &result)
    add(.solve, solveSeconds(partition, members, groups, holders), &result)
    let gathered = members.reduce(0) { sum, member in sum + run.rowBytes(member) * run.layers[member].layer.rows }
    result.gatheredBytes += gathered
    add(.gather, everyone(gatherSeconds(gathered)), &result)
    add(.replace, everyone(replaceSeconds(members)), &result)
    for member in members {
      let (planned, layer) = (run.layers[member], run.layers[member].layer)
      result.packSeconds += Double(layer.rows * layer.columns) / machine.rate(.pack, columns: layer.columns)
      result.packedBytes += Double(
        StoredLayer.codeByteCount(planned) + StoredLayer.valueByteCount(planned, hasBias: planned.bias != nil))
    }
  }

  private func everyone(_ seconds: Double) -> [Double] { Array(repeating: seconds, count: layout.ranks) }

  /// Every rank puts the rows in their place, then makes the weights of whole layers: small layers side by side, the rows of large ones.
  private func replaceSeconds(_ members: [Int]) -> Double {
    let layers = members.map { run.layers[$0].layer }
    let seconds = layers.map { Double($0.rows * $0.columns) / machine.rate(.replace, columns: $0.columns) }
    let place = machine.copySeconds(layers.reduce(0.0) { $0 + Double($1.rows * $1.columns) })
    if threads == 1 { return seconds.reduce(0, +) }
    let isSmall = layers.allSatisfy { $0.rows * $0.columns <= 1 << 18 }
    return place + max(seconds.reduce(0, +) / Double(threads), isSmall ? seconds.max() ?? 0 : 0)
  }

  private func add(_ phase: Phase, _ values: [Double], _ result: inout StageResult) {
    let before = result.seconds[phase] ?? Array(repeating: 0, count: layout.ranks)
    result.seconds[phase] = zip(before, values).map { $0 + $1 }
  }

  /// Seconds to add up the groups' sums: ranks of a node have added theirs to one copy, which leaders send once through every link, in a
  /// pipeline, and owners read where they are or take; without shared memory each rank's are added on the way.
  private func reduceSeconds(_ groups: [CalibratedGroup], _ owners: [Int]) -> [Double] {
    var seconds = [Double](repeating: 0, count: layout.ranks)
    // The sums stay where they are.
    if layout.ranks == 1 { return seconds }
    let isShared = ranksPerNode > 1
    for (group, owner) in zip(groups, owners) {
      let bytes = Double(group.sumBytes)
      let link = layout.nodes > 1 ? bytes / machine.networkRate : 0
      let all = (isShared && layout.nodes == 1 ? 0 : max(machine.copySeconds(bytes), link)) + 2 * collectiveLatency
      for rank in seconds.indices { seconds[rank] += all }
      if isShared, !run.sumsStay(groups, run.bounds) {
        seconds[owner] += bytes / machine.rate(.sumCopy, columns: group.group.columns)
      }
    }
    return seconds
  }

  /// Seconds of each rank; and for each group when corrections and factors can leave the owner.
  private func factorSeconds(
    _ groups: [CalibratedGroup], _ owners: [Int], _ routes: FactorRoutes
  ) -> (ofRank: [Double], ends: [(corrections: Double, factors: Double)]) {
    var alone = [Double](repeating: 0, count: layout.ranks)
    var shared = [[Double]](repeating: [], count: layout.ranks)
    var corrections = [Double](repeating: 0, count: layout.ranks)
    var longest = [Double](repeating: 0, count: layout.ranks)
    let together = run.bounds.limit == nil ? FactorSharing.groups(groups, owners, nodes: places, threads: threads) : []
    for (index, group) in groups.enumerated() {
      let (columns, hessians) = (group.group.columns, group.group.groups)
      let square = Double(columns) * Double(columns)
      let moments = Double(hessians) * square / machine.rate(.moments, columns: columns)
      let cross =
        group.crossScale == nil ? 0 : Double(hessians) * square / machine.rate(.crossMoments, columns: columns)
      let one = square * Double(columns) / machine.rate(.factor, columns: columns)
      // Those who factor together make moments together, where they can read the sums.
      if !together.contains(index) || !run.sumsStay(groups, run.bounds) { alone[owners[index]] += moments + cross }
      if together.contains(index) {
        let ranks = nodeRanks(of: owners[index])
        let team = FactorSharing.team(
          columns, owner: owners[index] - ranks.lowerBound, threads: Array(repeating: threads, count: ranks.count))
        let members = min(team.count * threads, Team.useful(order: columns))
        for rank in ranks { corrections[rank] += Double(hessians) * one / (FactorSharing.efficiency * Double(members)) }
        if run.sumsStay(groups, run.bounds) {
          for rank in ranks { corrections[rank] += (moments + cross) / Double(team.count * threads) }
        }
      } else {
        shared[owners[index]] += Array(repeating: one, count: hessians)
        longest[owners[index]] = max(longest[owners[index]], one / Double(min(threads, Team.useful(order: columns))))
      }
      guard group.crossScale != nil else { continue }
      let all = Double(hessians) * square * Double(columns) / machine.rate(.drift, columns: columns)
      let route = routes.routes[index]
      for place in route.places {
        let ranks = routes.places[place]
        // A factor that stays is used by its owner alone.
        let users = route.staysAtOwner ? [route.owner] : ranks
        for rank in users { corrections[rank] += all / Double(users.count * threads) }
      }
    }
    let ofRank = alone.indices.map { rank in
      let jobs = shared[rank]
      return alone[rank] / Double(threads) + max(longest[rank], jobs.reduce(0, +) / Double(threads))
        + corrections[rank]
    }
    return (ofRank, ends(groups, owners, ofRank))
  }

  /// When each group's corrections and factors can leave the owner: owners make one group after the other, and U is computed in
  /// the second half of a factorization.
  private func ends(
    _ groups: [CalibratedGroup], _ owners: [Int], _ ofRank: [Double]
  ) -> [(corrections: Double, factors: Double)] {
    var all = [Double](repeating: 0, count: layout.ranks)
    for (group, owner) in zip(groups, owners) { all[owner] += group.factorCost }
    var done = [Double](repeating: 0, count: layout.ranks)
    return zip(groups, owners).map { group, owner in
      let before = done[owner]
      done[owner] += group.factorCost
      func time(_ cost: Double) -> Double { all[owner] > 0 ? ofRank[owner] * cost / all[owner] : 0 }
      return (time((before + done[owner]) / 2), time(done[owner]))
    }
  }

  /// The ranks of a rank's node.
  private func nodeRanks(of rank: Int) -> Range<Int> {
    // Nodes have consecutive ranks, see `node(of:)`.
    let node = node(of: rank)
    let first = (node * layout.ranks + layout.nodes - 1) / layout.nodes
    return first..<((node + 1) * layout.ranks + layout.nodes - 1) / layout.nodes
  }

  /// Seconds in which factors are still on their way when the last owner has made its own: the rest of the way is hidden.
  private func broadcastSeconds(
    _ routes: FactorRoutes, _ layouts: [FactorLayout], _ ends: [(corrections: Double, factors: Double)]
  ) -> Double {
    let segment = 60.0 * 1024 / machine.networkRate + machine.latency
    // When the link out of each place is free.
    var free = [Double](repeating: 0, count: routes.places.count)
    var last = 0.0
    for (index, (route, factor)) in zip(routes.routes, layouts).enumerated() where route.ranks.count > 1 {
      let hops = Double(route.ranks.count - 1)
      let depth = Double(Int.bitWidth - 1 - route.ranks.count.leadingZeroBitCount)
      let place = routes.placeOfRank[route.owner]
      let factors = factor.factorBytes.count
      for (ready, bytes) in [(ends[index].corrections, factor.byteCount - factors), (ends[index].factors, factors)]
      where bytes > 0 {
        let link = Double(bytes) / machine.networkRate
        let time = min(link + hops * segment, 2 * (link + depth * segment))
        free[place] = max(free[place], ready) + time
        last = max(last, free[place])
      }
    }
    return max(0, last - (ends.map(\.factors).max() ?? 0))
  }

  private func solveSeconds(
    _ partition: RowPartition, _ members: [Int], _ groups: [CalibratedGroup], _ holders: [[Int]]
  ) -> [Double] {
    let drifts = Set(groups.filter { $0.crossScale != nil }.flatMap(\.group.layers))
    return partition.pieces.map { pieces in
      var (alone, shared) = (0.0, 0.0)
      var seen = Set<Int>()
      for piece in pieces {
        let layer = run.layers[members[piece.layer]].layer
        let (columns, rows) = (layer.columns, Double(piece.rows.count))
        let square = Double(columns) * Double(columns)
        if seen.insert(piece.layer).inserted {
          // The whole matrix is copied, whatever the rows.
          alone += Double(layer.rows * columns) / machine.rate(.matrix, columns: columns)
        }
        if drifts.contains(members[piece.layer]) {
          shared += 2 * square * rows / machine.rate(.target, columns: columns)
        }
        shared += square / machine.rate(.solver, columns: columns)
        shared += square * rows / machine.rate(.rows, columns: columns)
      }
      return alone + shared / Double(threads)
    }
  }

  /// Seconds of a ring between nodes, and of copies: each rank of a node writes its rows to the node's memory.
  private func gatherSeconds(_ bytes: Int) -> Double {
    let (ranks, nodes) = (Double(layout.ranks), Double(layout.nodes))
    let bytes = Double(bytes)
    let copies =
      layout.ranks > 1 && ranksPerNode > 1
      ? machine.copySeconds(bytes / ranks) : (layout.ranks == 1 ? 1 : 2) * machine.copySeconds(bytes)
    if layout.ranks == 1 { return copies }
    let link = bytes * (1 - 1 / nodes) / machine.networkRate
    return max(copies, link) + (ranks - 1) * (nodes > 1 ? machine.latency : 5e-7) + 2 * collectiveLatency
  }
}
