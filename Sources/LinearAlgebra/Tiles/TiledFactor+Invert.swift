internal import CKernels

extension TiledFactor {
  /// What is made of inverse(R).
  public enum Result: @unchecked Sendable {
    /// U in float32, packed row after row in processing order as in `SymmetricMatrix`.
    case packed(UnsafeMutablePointer<Float>)
    /// The diagonal of inverse(H), by position in processing order: the squared norms of U's columns.
    case inverseDiagonal(UnsafeMutablePointer<Double>)
  }

  /// Makes inverse(R), all members together, and of that `result`. After `eliminate`.
  ///
  /// - Parameter choosesPivots: as there: the rows of R are brought to the final order first.
  ///
  /// n³ / 3 operations; each member takes memory of 96 rows.
  public func invert(to result: Result, choosesPivots: Bool, _ member: TeamMember) {
    finishBlocks(choosesPivots, member)
    // Fewer rows than a block where there are more members than blocks to keep them busy.
    var rows = Self.blockRows
    while rows > Self.strip, order / rows < 4 * member.count { rows /= 2 }
    let scratch = Scratch(byteCount: 8 * (rows * (width + 8) + rows * Self.blockRows))
    let inverse = scratch.base.assumingMemoryBound(to: Double.self)
    let sums = inverse + rows * (width + 8)
    member.share((order + rows - 1) / rows) { piece in
      let first = piece * rows
      let distance = invertRows(first, count: rows, inverse, sums)
      let valid = min(rows, order - first)
      switch result {
      case .packed(let target): pack(inverse, distance, first, valid, target)
      case .inverseDiagonal(let target):
        let origin = first / Self.blockRows * Self.blockRows
        for row in 0..<valid {
          let values = inverse + row * distance
          target[order - 1 - first - row] = (first + row - origin..<order - origin).reduce(0) {
            $0 + values[$1] * values[$1]
          }
        }
      }
    }
  }

  /// Brings the panels, whose columns are where they were at the end of their blocks, to the final order, and inverts the
  /// diagonal blocks.
  private func finishBlocks(_ choosesPivots: Bool, _ member: TeamMember) {
    // Where the columns behind block `known` are at the end.
    var targets = (0..<width).map { Int32($0) }
    var known = blocks - 1
    let scratch = Scratch(byteCount: 8 * width)
    let line = scratch.base.assumingMemoryBound(to: Double.self)
    member.share(blocks) { piece in
      let index = blocks - 1 - piece
      if choosesPivots {
        while known > index {
          comeBefore(known, &targets)
          known -= 1
        }
        reorder(index, targets, line)
      }
      kernels.invert(block(index), rows(index))
    }
  }

  /// From the places after a block to those before it.
  private func comeBefore(_ index: Int, _ targets: inout [Int32]) {
    let start = index * Self.blockRows
    var changed = (start..<start + rows(index)).map { (Int(pivots[$0]), targets[$0]) }
    changed += moves(index).map { ($0.from, targets[$0.to]) }
    for (place, target) in changed { targets[place] = target }
  }

  private func reorder(_ index: Int, _ targets: [Int32], _ line: UnsafeMutablePointer<Double>) {
    let (start, panel) = (index * Self.blockRows, block(index))
    targets.withUnsafeBufferPointer { targets in
      for m in 0..<rows(index) {
        for strip in Self.stripsOfBlock..<max(strips(index), Self.stripsOfBlock) {
          let (source, first) = (panel + strip * Self.pitch + m * Self.strip, start + strip * Self.strip)
          for x in 0..<Self.strip { line[Int(targets[first + x])] = source[x] }
        }
        for strip in Self.stripsOfBlock..<max(strips(index), Self.stripsOfBlock) {
          (panel + strip * Self.pitch + m * Self.strip).update(
            from: line + start + strip * Self.strip, count: Self.strip)
        }
      }
    }
  }

  /// Makes rows of V = inverse(R): with D the inverses of R's diagonal blocks, V[i, i] = D[i] and
  /// V[i, j] = - (sum over i <= k < j of V[i, k] R[k, j]) D[j].
  ///
  /// - Returns: the distance of two rows of `inverse`, which begin at the block's first column.
  private func invertRows(
    _ first: Int, count: Int, _ inverse: UnsafeMutablePointer<Double>, _ sums: UnsafeMutablePointer<Double>
  ) -> Int {
    let (index, skipped) = first.quotientAndRemainder(dividingBy: Self.blockRows)
    let (size, distance) = (Self.blockRows, stride(index) + 8)
    for row in 0..<count {
      for strip in 0..<Self.stripsOfBlock {
        (inverse + row * distance + strip * Self.strip).update(
          from: block(index) + strip * Self.pitch + (skipped + row) * Self.strip, count: Self.strip)
      }
    }
    for j in index + 1..<max(blocks, index + 1) {
      let strips = min(Self.stripsOfBlock, strips(j))
      sums.update(repeating: 0, count: count * size)
      for k in index..<j {
        kernels.multiply(
          sums, size, count, strips, inverse + (k - index) * size, distance,
          block(k) + (j - k) * Self.stripsOfBlock * Self.pitch, size, 0)
      }
      kernels.multiply(
        inverse + (j - index) * size, distance, count, strips, sums, size, block(j), rows(j), 1)
    }
    return distance
  }

  /// U[row, column] = V[n - 1 - column, n - 1 - row]: some columns of V at a time, since they are rows there.
  private func pack(
    _ inverse: UnsafeMutablePointer<Double>, _ distance: Int, _ first: Int, _ count: Int,
    _ target: UnsafeMutablePointer<Float>
  ) {
    let n = order
    let origin = first / Self.blockRows * Self.blockRows
    for start in Swift.stride(from: first, to: n, by: 16) {
      for column in start..<min(start + 16, n) {
        let row = n - 1 - column
        let line = target + (SymmetricMatrix.rowStart(row, order: n) - row + n - 1 - first)
        var source = inverse + (column - origin)
        for x in 0..<min(count, column - first + 1) {
          line[-x] = Float(source.pointee)
          source += distance
        }
      }
    }
  }
}
