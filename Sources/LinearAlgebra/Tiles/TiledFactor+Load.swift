extension TiledFactor {
  /// H as it is stored, and what it is to be changed to.
  public struct Source: @unchecked Sendable {
    /// The packed upper triangle, as in `SymmetricMatrix`.
    let upper: UnsafePointer<Double>
    /// What every element is divided by.
    let unit: Double
    /// The diagonal, in these units, by column.
    let diagonal: [Double]
    /// Columns that have nothing beside their diagonal, whatever is stored.
    let isolated: [Int]

    /// H with another diagonal.
    public init(upper: UnsafePointer<Double>, unit: Double = 1, diagonal: [Double], isolated: [Int] = []) {
      (self.upper, self.unit, self.diagonal, self.isolated) = (upper, unit, diagonal, isolated)
    }
  }

  /// Takes H over, all members together.
  ///
  /// - Parameter elimination: the columns in the order in which they will be eliminated; nil if pivots are to be chosen.
  public func load(_ source: Source, elimination: [Int]?, _ member: TeamMember) {
    precondition(source.diagonal.count == order, "\(source.diagonal.count) diagonal elements for order \(order)")
    precondition(elimination.map { $0.count == order } ?? true, "a permutation of \(elimination?.count ?? 0)")
    if member.index == 0 {
      for place in 0..<width {
        let label = place < order ? elimination?[place] ?? place : place
        labels[place] = Int32(label)
        diagonal[place] = place < order ? source.diagonal[label] : .infinity
        roots[place] = 1
      }
    }
    var isIsolated = [Bool](repeating: false, count: order)
    for column in source.isolated { isIsolated[column] = true }
    let starts = elimination == nil ? [] : (0..<order).map { SymmetricMatrix.rowStart($0, order: order) - $0 }
    let isolatedPlaces = elimination?.indices.filter { isIsolated[elimination![$0]] } ?? source.isolated
    // The longest rows first, a few at a time.
    let rows = 16
    member.share((order + rows - 1) / rows) { piece in
      for place in piece * rows..<min((piece + 1) * rows, order) {
        let target = row(place)
        let unit = source.unit
        if let elimination {
          permuted(source, elimination, starts, place, target)
        } else {
          let values = source.upper + (SymmetricMatrix.rowStart(place, order: order) - place)
          for other in place..<order { target[other] = values[other] / unit }
        }
        for other in isolatedPlaces where other > place { target[other] = 0 }
        if isIsolated[elimination?[place] ?? place] { (target + place).update(repeating: 0, count: order - place) }
        (target + order).update(repeating: 0, count: padded - order)
      }
    }
  }

  private func permuted(
    _ source: Source, _ elimination: [Int], _ starts: [Int], _ place: Int, _ target: UnsafeMutablePointer<Double>
  ) {
    let (a, upper, unit) = (elimination[place], source.upper, source.unit)
    let first = starts[a]
    elimination.withUnsafeBufferPointer { elimination in
      starts.withUnsafeBufferPointer { starts in
        for other in place..<order {
          let b = elimination[other]
          target[other] = (a <= b ? upper[first + b] : upper[starts[b] + a]) / unit
        }
      }
    }
  }
}
