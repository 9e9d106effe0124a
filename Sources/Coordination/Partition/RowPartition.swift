/// Consecutive rows of one layer that share a Hessian.
public struct RowRange: Sendable, Equatable {
  /// Which layer: an index of the list that the partition was made from.
  public var layer: Int
  /// Which Hessian of the layer: 0, or the group of a grouped convolution.
  public var hessian: Int
  /// The rows, counted over the whole layer.
  public var rows: Range<Int>

  /// Makes a range of rows.
  public init(layer: Int, hessian: Int, rows: Range<Int>) {
    (self.layer, self.hessian, self.rows) = (layer, hessian, rows)
  }
}

/// The rows of all layers of a stage in one line, cut into pieces that take equally long: one piece for each rank.
///
/// A rank touches few layers, and no rank idles because a layer has few rows (DESIGN 3.2). The cut is made between
/// tiles of `tileRows` rows, the unit of the row solve; a row's result does not depend on the cut.
public struct RowPartition: Sendable {
  /// What a layer contributes to the line.
  public struct LayerShape: Sendable {
    /// Rows of the layer, all groups together.
    public var rows: Int
    /// Columns of one Hessian.
    public var columns: Int
    /// Number of Hessians.
    public var groups: Int

    /// Makes a shape.
    public init(rows: Int, columns: Int, groups: Int) {
      (self.rows, self.columns, self.groups) = (rows, columns, groups)
    }
  }

  /// Rows that the solver handles side by side.
  public static let tileRows = 32

  /// For each rank its rows, in line order.
  public let pieces: [[RowRange]]

  /// Cuts the line into equal pieces. Complexity: O(tiles log(ranks)).
  public init(layers: [LayerShape], ranks: Int) { self.init(layers: layers, speeds: RankSpeeds(equal: ranks)) }

  /// Cuts the line into pieces that take equally long. Complexity: O(tiles log(ranks)).
  public init(layers: [LayerShape], speeds: RankSpeeds) {
    var tiles: [(range: RowRange, cost: Double)] = []
    for (layer, shape) in layers.enumerated() {
      let rowsPerGroup = shape.rows / shape.groups
      // The sweep takes columns² per row of a full tile; grid search and packing are linear in columns.
      let cost = Double(Self.tileRows) * Double(shape.columns) * Double(shape.columns + 600)
      for hessian in 0..<shape.groups {
        let begin = hessian * rowsPerGroup
        for start in stride(from: begin, to: begin + rowsPerGroup, by: Self.tileRows) {
          let rows = start..<min(start + Self.tileRows, begin + rowsPerGroup)
          tiles.append((RowRange(layer: layer, hessian: hessian, rows: rows), cost))
        }
      }
    }
    let total = tiles.reduce(0) { $0 + $1.cost }
    var pieces = [[RowRange]](repeating: [], count: speeds.count)
    var before = 0.0
    for tile in tiles {
      // A tile belongs to the rank in whose share of the line its middle lies.
      let rank = speeds.rank(at: (before + tile.cost / 2) / total)
      before += tile.cost
      if let last = pieces[rank].last, last.layer == tile.range.layer, last.hessian == tile.range.hessian {
        pieces[rank][pieces[rank].count - 1].rows = last.rows.lowerBound..<tile.range.rows.upperBound
      } else {
        pieces[rank].append(tile.range)
      }
    }
    self.pieces = pieces
  }

  /// The ranks that hold rows of a layer in `layers`, in ascending order.
  public func ranks(holding layers: Set<Int>) -> [Int] {
    pieces.indices.filter { pieces[$0].contains { layers.contains($0.layer) } }
  }
}
