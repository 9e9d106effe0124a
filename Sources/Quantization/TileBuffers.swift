internal import CKernels

/// The working memory of one call of a solver: up to `tiles` tiles of 32 rows.
struct TileBuffers: ~Copyable {
  /// Number of tiles.
  let tiles: Int
  /// Weights, tiles x stride x 32.
  let weights: UnsafeMutablePointer<Float>
  /// Codes, tiles x stride x 32.
  let codes: UnsafeMutablePointer<UInt8>
  /// Scales, tiles x groups x 32.
  let scales: UnsafeMutablePointer<Float>
  /// Negated zero points, tiles x groups x 32.
  let lows: UnsafeMutablePointer<Float>
  /// One number per row.
  let losses: UnsafeMutablePointer<Double>
  /// One number per row.
  let energies: UnsafeMutablePointer<Double>
  /// Memory for whatever a kernel does.
  let scratch: UnsafeMutablePointer<Float>

  /// Rows of a tile.
  static let rows = Int(kernels_tile_rows)

  init(rows: Int, columns: Int, groups: Int, groupSize: Int) {
    let stride = Int(kernels_tile_stride(Int64(columns)))
    tiles = min((rows + Self.rows - 1) / Self.rows, Int(kernels_tile_group))
    weights = Self.allocate(tiles * stride * Self.rows)
    codes = Self.allocate(tiles * stride * Self.rows)
    scales = Self.allocate(tiles * groups * Self.rows)
    lows = Self.allocate(tiles * groups * Self.rows)
    losses = Self.allocate(tiles * Self.rows)
    energies = Self.allocate(tiles * Self.rows)
    scratch = Self.allocate(
      max(kernels_solve_scratch(Int64(tiles)), kernels_grid_scratch(Int64(groupSize))))
  }

  deinit {
    for pointer: UnsafeMutableRawPointer in [
      UnsafeMutableRawPointer(weights), UnsafeMutableRawPointer(codes), UnsafeMutableRawPointer(scales),
      UnsafeMutableRawPointer(lows), UnsafeMutableRawPointer(losses), UnsafeMutableRawPointer(energies),
      UnsafeMutableRawPointer(scratch),
    ] { pointer.deallocate() }
  }

  /// Memory on a cache line, so that no vector straddles two.
  private static func allocate<Element: BitwiseCopyable>(_ count: Int) -> UnsafeMutablePointer<Element> {
    UnsafeMutableRawPointer.allocate(byteCount: max(count, 1) * MemoryLayout<Element>.stride, alignment: 64)
      .bindMemory(to: Element.self, capacity: max(count, 1))
  }
}
