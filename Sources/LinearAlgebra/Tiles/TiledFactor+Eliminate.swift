internal import CKernels

extension TiledFactor {
  /// Eliminates all columns, all members together: afterwards the blocks hold R.
  ///
  /// - Parameter choosesPivots: whether the column with the smallest remaining diagonal is taken at every step, of equal ones that
  ///   with the lowest label; otherwise columns are taken from the first to the last.
  /// - Returns: nil, or the number of the pivot that is not above zero, on every member.
  ///
  /// n³ / 3 multiplications.
  public func eliminate(choosesPivots: Bool, _ member: TeamMember) -> Int? {
    if member.index == 0 { member.word = 0 }
    for index in 0..<blocks {
      let sharing = min(member.team.columnMembers, max(1, strips(index) / 8))
      if member.index < sharing { eliminateBlock(index, members: sharing, choosesPivots, member) }
      member.wait()
      if member.word != 0 { return member.word }
      if choosesPivots { exchange(index, member) }
      update(index, member)
    }
    return nil
  }

  /// Makes the rows of R of one block in `panel`, with columns where they were.
  private func eliminateBlock(_ index: Int, members: Int, _ choosesPivots: Bool, _ member: TeamMember) {
    let start = index * Self.blockRows
    let own = member.part(of: strips(index), members: members)
    let columns = start + own.lowerBound * Self.strip..<start + own.upperBound * Self.strip
    func propose(_ k: Int) {
      member.propose(choosesPivots ? smallest(columns) : given(k, columns), step: k)
    }
    propose(start)
    withUnsafeTemporaryAllocation(of: Double.self, capacity: Self.blockRows) { coefficients in
      for k in start..<start + rows(index) {
        member.wait(members: members)
        let pivot = member.best(members: members, step: k)
        guard pivot.value > 0, pivot.value < .infinity else {
          if member.index == 0 { member.word = k + 1 }
          return
        }
        let (depth, root, place) = (k - start, pivot.value.squareRoot(), pivot.place)
        let (strip, lane) = (place - start).quotientAndRemainder(dividingBy: Self.strip)
        for m in 0..<depth { coefficients[m] = panel[strip * Self.pitch + m * Self.strip + lane] }
        gather(place, columns, start: start, depth: depth)
        kernels.eliminate(
          panel + own.lowerBound * Self.pitch, own.count, depth, coefficients.baseAddress, root,
          diagonal + columns.lowerBound)
        if columns.contains(place) {
          panel[strip * Self.pitch + depth * Self.strip + lane] = root
          diagonal[place] = .infinity
        }
        if member.index == 0 { (pivots[k], roots[k]) = (Int32(place), root) }
        if k + 1 < start + rows(index) { propose(k + 1) }
      }
    }
  }

  private func smallest(_ columns: Range<Int>) -> TeamMember.Candidate {
    var candidate = TeamMember.Candidate()
    let place = kernels.smallest(
      diagonal + columns.lowerBound, labels + columns.lowerBound, columns.count, &candidate.value)
    guard place >= 0 else { return TeamMember.Candidate() }
    candidate.place = columns.lowerBound + Int(place)
    candidate.label = labels[candidate.place]
    return candidate
  }

  private func given(_ k: Int, _ columns: Range<Int>) -> TeamMember.Candidate {
    columns.contains(k) ? .init(value: diagonal[k], place: k, label: 0) : .init()
  }

  /// Copies the pivot's row of the Schur complement, as far as it is in `columns`, to row `depth` of the panel.
  private func gather(_ place: Int, _ columns: Range<Int>, start: Int, depth: Int) {
    let source = row(place)
    var column = columns.lowerBound
    while column < columns.upperBound {
      let target = panel + (column - start) / Self.strip * Self.pitch + depth * Self.strip
      if column > place {
        target.update(from: source + column, count: Self.strip)
      } else {
        // Above the diagonal it is a column: rows of one block follow each other at equal distances.
        let block = column / Self.blockRows
        let distance = stride(block)
        var above = row(column) + place
        let count = min(Self.strip, place - column)
        for x in 0..<count {
          target[x] = above.pointee
          above += distance
        }
        for x in count..<Self.strip { target[x] = source[column + x] }
      }
      column += Self.strip
    }
  }

  /// Where the columns of a block go that were not eliminated: to the places behind it that were.
  func moves(_ index: Int) -> [(from: Int, to: Int)] {
    let (start, end) = (index * Self.blockRows, index * Self.blockRows + rows(index))
    var isEliminated = [Bool](repeating: false, count: end - start)
    var vacated: [Int] = []
    for k in start..<end {
      let place = Int(pivots[k])
      if place < end { isEliminated[place - start] = true } else { vacated.append(place) }
    }
    vacated.sort()
    return Array(zip((start..<end).filter { !isEliminated[$0 - start] }, vacated)).map { (from: $0.0, to: $0.1) }
  }

  /// Lets the columns that were eliminated, in their order, change places with those of the block.
  private func exchange(_ index: Int, _ member: TeamMember) {
    let (start, end) = (index * Self.blockRows, index * Self.blockRows + rows(index))
    let moves = moves(index)
    exchangePanel(index, moves, member)
    if member.index == 0 {
      let eliminated = (start..<end).map { labels[Int(pivots[$0])] }
      for move in moves { (diagonal[move.to], labels[move.to]) = (diagonal[move.from], labels[move.from]) }
      for k in start..<end { labels[k] = eliminated[k - start] }
    }
    if !moves.isEmpty { exchangeRows(index, moves, member) } else { member.wait() }
  }

  /// Each row of the panel is a member's.
  private func exchangePanel(_ index: Int, _ moves: [(from: Int, to: Int)], _ member: TeamMember) {
    let (start, count) = (index * Self.blockRows, rows(index))
    func offset(_ place: Int) -> Int {
      let (strip, lane) = (place - start).quotientAndRemainder(dividingBy: Self.strip)
      return strip * Self.pitch + lane
    }
    let sources = (start..<start + count).map { offset(Int(pivots[$0])) }
    let targets = (start..<start + count).map(offset)
    let moved = moves.map { (from: offset($0.from), to: offset($0.to)) }
    withUnsafeTemporaryAllocation(of: Double.self, capacity: 2 * Self.blockRows) { values in
      for m in member.part(of: count) {
        let row = panel + m * Self.strip
        for k in 0..<count { values[k] = row[sources[k]] }
        for (k, move) in moved.enumerated() { values[Self.blockRows + k] = row[move.from] }
        for k in 0..<count { row[targets[k]] = values[k] }
        for (k, move) in moved.enumerated() { row[move.to] = values[Self.blockRows + k] }
      }
    }
  }

  /// Moves rows and columns of what remains. They are read in the block's rows and written behind them, so rows are independent.
  private func exchangeRows(_ index: Int, _ moves: [(from: Int, to: Int)], _ member: TeamMember) {
    let end = (index + 1) * Self.blockRows
    var origin = [Int: Int](minimumCapacity: moves.count)
    for move in moves { origin[move.to] = move.from }
    let chunk = 48
    member.share((order - end + chunk - 1) / chunk) { piece in
      let places = end + piece * chunk..<min(end + (piece + 1) * chunk, order)
      var next = moves.firstIndex { $0.to >= places.lowerBound } ?? moves.count
      for place in places {
        let target = row(place)
        let from = next < moves.count && moves[next].to == place ? moves[next].from : place
        if from != place {
          next += 1
          (target + place).update(from: row(from) + place, count: order - place)
        }
        for move in moves[next...] {
          target[move.to] = from < move.from ? row(from)[move.from] : row(move.from)[from]
        }
      }
    }
  }

  /// Subtracts the panel's products from what remains, and puts the panel in its block's place.
  private func update(_ index: Int, _ member: TeamMember) {
    let own = member.part(of: strips(index))
    (block(index) + own.lowerBound * Self.pitch).update(
      from: panel + own.lowerBound * Self.pitch, count: own.count * Self.pitch)
    // A piece is the 96 rows of a block by some strips.
    let all = strips(0)
    var group = 16
    while group > 4, (blocks - index) * (all - index * 4) / (2 * group) < 8 * member.count { group /= 2 }
    func pieces(_ row: Int) -> Int { (all - row * Self.stripsOfBlock + group - 1) / group }
    let count = (index + 1..<max(blocks, index + 1)).reduce(0) { $0 + pieces($1) }
    var (row, first) = (index + 1, 0)
    member.share(count) { piece in
      while piece >= first + pieces(row) {
        first += pieces(row)
        row += 1
      }
      let strip = row * Self.stripsOfBlock + (piece - first) * group
      let left = index * Self.stripsOfBlock
      kernels.subtract(
        block(row) + (piece - first) * group * Self.strip, stride(row),
        min(Self.stripsOfBlock, strips(row)), min(group, all - strip),
        panel + (row * Self.stripsOfBlock - left) * Self.pitch, panel + (strip - left) * Self.pitch, rows(index),
        -Int64((piece - first) * group * Self.strip))
    }
  }
}
