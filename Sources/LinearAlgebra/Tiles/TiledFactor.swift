internal import CKernels

/// A symmetric positive definite matrix H on its way to the triangular U with inverse(H) = transpose(U) U, in float64, as the
/// members of a team compute it together.
///
/// H = transpose(R) R, R upper triangular, with rows and columns in the order of elimination: a given one, or always the smallest
/// diagonal that remains. In processing order, which is the reverse, U = J transpose(inverse(R)) J with J the reversal.
///
/// Rows are eliminated in blocks of 96. A step of a block makes one row of R: members share its columns, and agree on the next
/// pivot. No column moves within a block; afterwards those that were eliminated change places with the block's own. Then members
/// take tiles of what remains. At the end inverse(R) is made in strips of rows, each of which depends on R alone, so that no
/// one waits. Every element is one chain of fused products in the order of elimination, however the matrix is cut and
/// whoever computes: the result does not depend on the team.
///
/// Memory: a block of rows begins at its diagonal, so it is n²/2 float64. Until a block is eliminated it holds its rows of the
/// Schur complement, row-major; then its panel of R, in strips (`TileKernels.h`), the diagonal block replaced by its inverse.
public struct TiledFactor: @unchecked Sendable {
  /// Number of rows and of columns.
  public let order: Int
  /// Columns in whole strips, and in whole blocks.
  let padded: Int
  let width: Int
  let blocks: Int
  private let memory: UnsafeMutablePointer<Double>
  /// The panel of the block that is being eliminated.
  let panel: UnsafeMutablePointer<Double>
  /// What remains of the diagonal, by place; infinite once eliminated, and behind the last column.
  let diagonal: UnsafeMutablePointer<Double>
  /// R's diagonal.
  let roots: UnsafeMutablePointer<Double>
  /// The column of H at each place.
  let labels: UnsafeMutablePointer<Int32>
  /// The place that each step eliminated.
  let pivots: UnsafeMutablePointer<Int32>
  let kernels: TileKernels

  static let strip = Int(kernels_strip_columns)
  static let blockRows = Int(kernels_panel_rows)
  static let pitch = Int(kernels_strip_pitch)
  static let stripsOfBlock = blockRows / strip

  private static func width(_ order: Int) -> Int { (order + blockRows - 1) / blockRows * blockRows }

  /// Doubles before block `index`: the blocks before it have `width`, `width` - 96 ... columns.
  private static func blockStart(_ index: Int, width: Int) -> Int {
    blockRows * (index * width - blockRows * index * (index - 1) / 2)
  }

  /// Bytes of memory for a matrix.
  public static func byteCount(order: Int) -> Int {
    let width = width(order)
    return 8 * (blockStart(width / blockRows, width: width) + blockRows * width + 2 * width) + 8 * width
  }

  /// Works on `byteCount` bytes at a multiple of 64; what is in them does not matter.
  public init(order: Int, memory raw: UnsafeMutableRawPointer) {
    precondition(order > 0 && order <= Int(Int32.max), "order \(order)")
    (self.order, width) = (order, Self.width(order))
    padded = (order + Self.strip - 1) / Self.strip * Self.strip
    blocks = width / Self.blockRows
    memory = raw.assumingMemoryBound(to: Double.self)
    panel = memory + Self.blockStart(blocks, width: width)
    diagonal = panel + Self.blockRows * width
    roots = diagonal + width
    labels = UnsafeMutableRawPointer(roots + width).assumingMemoryBound(to: Int32.self)
    pivots = labels + width
    kernels = kernels_tile_kernels(kernels_best_instruction_set())!.pointee
  }

  /// The rows of a block, from its diagonal on.
  func block(_ index: Int) -> UnsafeMutablePointer<Double> { memory + Self.blockStart(index, width: width) }

  /// Distance of two rows of a block.
  func stride(_ index: Int) -> Int { width - index * Self.blockRows }

  /// Where row `row` would have column 0.
  func row(_ row: Int) -> UnsafeMutablePointer<Double> {
    let (index, offset) = row.quotientAndRemainder(dividingBy: Self.blockRows)
    return block(index) + offset * stride(index) - index * Self.blockRows
  }

  /// Strips of a block's rows.
  func strips(_ index: Int) -> Int { (padded - index * Self.blockRows) / Self.strip }

  /// Rows of a block.
  func rows(_ index: Int) -> Int { min(Self.blockRows, order - index * Self.blockRows) }

  /// The columns of H in the order in which they were eliminated; a solve processes them in reverse.
  public var eliminated: [Int] { (0..<order).map { Int(labels[$0]) } }

  /// sum(1 / U_jj²): proportional to the predicted loss of a solve in this order.
  public var predictedLoss: Double { (0..<order).reduce(0) { $0 + roots[$1] * roots[$1] } }
}
