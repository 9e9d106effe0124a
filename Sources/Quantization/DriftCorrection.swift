import LinearAlgebra

/// Moves the rows of an input group towards weights that, on the inputs in the quantized network, give what the float
/// weights gave on the float network's inputs.
///
/// With X the inputs in the float network, X̃ those in the quantized one and H̃ = X̃ X̃ᵀ, the V that minimizes
/// |W X - V X̃|² + λ |V - W|² is V = W + W (X - X̃) X̃ᵀ (H̃ + λ I)⁻¹ (QEP, arXiv:2504.09629; the same target as that of
/// Qronos, arXiv:2505.11695). `alpha` takes a part of the way, which guards against fitting the samples.
public struct DriftCorrection: Sendable {
  /// Number of columns C.
  public let columns: Int
  /// alpha (X - X̃) X̃ᵀ (H̃ + λ I)⁻¹, C x C, row-major: V = W + W update.
  public let update: FloatStorage

  /// Makes the update from moments and a factor in the same units.
  ///
  /// - Parameters:
  ///   - crossMoments: (X - X̃) X̃ᵀ, C x C, row-major.
  ///   - factor: that of H̃ with its damping.
  ///   - alpha: 0 leaves the weights alone, 1 goes the whole way.
  ///
  /// Complexity: 2 C³ operations in float32.
  public init(crossMoments: [Double], factor: SharedFactor, alpha: Double) {
    var update = Self.scaled(crossMoments: crossMoments, factor: factor, alpha: alpha)
    update.withUnsafeMutableBufferPointer { update in
      Self.solve(update.baseAddress!, tiles: 0..<Self.tileCount(columns: factor.columns), factor: factor)
    }
    (columns, self.update) = (factor.columns, FloatStorage(update))
  }

  /// alpha (X - X̃) X̃ᵀ / unit, rows in natural order, columns in processing order: what `solve` starts from.
  public static func scaled(crossMoments: [Double], factor: SharedFactor, alpha: Double) -> [Float] {
    let columns = factor.columns
    precondition(crossMoments.count == columns * columns, "\(crossMoments.count) moments for \(columns) columns")
    return scaled(order: factor.order, unit: factor.unit, alpha: alpha, threads: 1) { row, target in
      for column in 0..<columns { target[column] = crossMoments[row * columns + column] }
    }
  }

  /// The same from moments that are made row by row.
  ///
  /// - Parameters:
  ///   - order: the columns in processing order.
  ///   - unit: that of the factor.
  ///   - threads: share the rows.
  ///   - row: writes a row of (X - X̃) X̃ᵀ, columns in natural order.
  public static func scaled(
    order: [Int32], unit: Double, alpha: Double, threads: Int,
    row write: @Sendable (Int, UnsafeMutablePointer<Double>) -> Void
  ) -> [Float] {
    let columns = order.count
    return [Float](unsafeUninitializedCapacity: columns * columns) { scaled, count in
      Self.scaled(to: scaled.baseAddress!, order: order, unit: unit, alpha: alpha, threads: threads, row: write)
      count = columns * columns
    }
  }

  /// The same, to memory that may be shared.
  ///
  /// - Parameter part: which of how many shares: of processes that share the memory, each writes one.
  public static func scaled(
    to target: UnsafeMutablePointer<Float>, order: [Int32], unit: Double, alpha: Double, threads: Int,
    part: (index: Int, count: Int) = (0, 1), row write: @Sendable (Int, UnsafeMutablePointer<Double>) -> Void
  ) {
    let (columns, scale) = (order.count, alpha / unit)
    let target = Parallel.Target(target)
    let rows = 16
    let pieces = (columns + rows - 1) / rows
    Parallel.forEach((pieces + part.count - 1 - part.index) / part.count, threads: threads) { own in
      let piece = own * part.count + part.index
      withUnsafeTemporaryAllocation(of: Double.self, capacity: columns) { line in
        order.withUnsafeBufferPointer { order in
          for row in piece * rows..<min((piece + 1) * rows, columns) {
            write(row, line.baseAddress!)
            let scaled = target.base + row * columns
            for k in 0..<columns { scaled[k] = Float(line[Int(order[k])] * scale) }
          }
        }
      }
    }
  }

  /// Makes whole tiles of the update from those of `scaled`, in place: ranks and threads that share memory share them out.
  ///
  /// A tile's result does not depend on who computes it. P inverse(H) transpose(P) = transpose(U) U / unit.
  public static func solve(_ update: UnsafeMutablePointer<Float>, tiles: Range<Int>, factor: SharedFactor) {
    guard !tiles.isEmpty else { return }
    let columns = factor.columns
    InverseProduct.multiply(update, rows: columns, order: columns, tiles: tiles, upper: factor.inverse)
    let order = factor.order.map { Int($0) }
    Temporary.withFloats(columns) { natural in
      let rows = tiles.lowerBound * InverseProduct.tileRows..<min(tiles.upperBound * InverseProduct.tileRows, columns)
      for row in rows {
        let line = update + row * columns
        // A dead column's weights become zero whatever they are.
        for k in 0..<columns { natural[order[k]] = factor.curvature[order[k]] == 0 ? 0 : line[k] }
        line.update(from: natural, count: columns)
      }
    }
  }

  /// Tiles of the update of C columns.
  public static func tileCount(columns: Int) -> Int { InverseProduct.tileCount(rows: columns) }

  /// Takes the update of another rank.
  public init(columns: Int, update: FloatStorage) {
    precondition(update.count == columns * columns, "\(update.count) elements for \(columns) columns")
    (self.columns, self.update) = (columns, update)
  }

  /// Adds W update to `rows` rows of a matrix, in float32, on the calling thread.
  ///
  /// A row's result depends on how many rows are in the call: for the same bits on any ranks, callers pass tiles whose
  /// size depends on the layer alone.
  public func apply(to weights: UnsafeMutablePointer<Float>, rows: Int) {
    let count = rows * columns
    Temporary.withFloats(count) { before in
      before.update(from: weights, count: count)
      update.withUnsafeBufferPointer { update in
        GEMM.multiply(
          rows: rows, columns: columns, depth: columns, before, stride: columns, update.baseAddress!, stride: columns,
          beta: 1, into: weights, stride: columns)
      }
    }
  }
}
