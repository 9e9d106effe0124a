import Graphs
import LinearAlgebra

internal import CKernels

/// D X̃ᵀ and the row sums of D = X - X̃ of one input group, added up as 64-bit integers: X are the columns in the float
/// network, X̃ those in the quantized one. Any partition of the chunks gives the same sums.
///
/// As in `HessianSums`, each chunk's product is formed in float32, multiplied by a power of two and rounded to an integer.
///
/// Layout of the sums: for each Hessian of the group in turn, columns x columns, row-major (a row belongs to a column of
/// X, so is an entry of D); then for each Hessian its `columns` row sums of D.
public final class CrossSums: Sendable {
  /// The input group whose columns are added.
  public let group: InputGroup
  /// What a chunk's sums are multiplied by.
  public let scale: SumScale
  private let storage: SumStorage

  /// Zero sums; or those in `memory`, to which other processes add too.
  public init(group: InputGroup, scale: SumScale, memory: SharedSumMemory? = nil) {
    (self.group, self.scale) = (group, scale)
    storage = SumStorage(count: Self.count(group), memory)
  }

  /// Number of integers in the sums of `group`.
  public static func count(_ group: InputGroup) -> Int { group.groups * (group.columns + 1) * group.columns }

  /// Adds D X̃ᵀ and the row sums of D of one chunk. Safe to call from several threads at once.
  ///
  /// - Parameters:
  ///   - differences: D, see `InputColumns.differences(from:)`.
  ///   - quantized: X̃ of the same samples.
  ///
  /// Complexity: 2 columns² * columns of X float32 operations plus O(columns²), per Hessian of the group.
  public func add(
    differences: InputColumns, quantized: InputColumns, workers: Workers = .alone
  ) throws(HessianError) {
    for (difference, tensor) in zip(differences.tensors, quantized.tensors) where tensor.count > 0 {
      guard let unfolding = group.unfolding else {
        try addVectors(difference, tensor, workers)
        continue
      }
      difference.withElements(as: Float.self) { left in
        tensor.withElements(as: Float.self) { right in
          addUnfolded(left.baseAddress!, right.baseAddress!, shape: tensor.shape, unfolding, workers)
        }
      }
    }
  }

  /// The sums so far, to be reduced over ranks; an accumulator of this process alone is empty afterwards.
  public func take() -> [Int64] { storage.take() }

  /// Rows of D X̃ᵀ that are a piece, see `HessianSums`.
  private func stripRows(isNarrow: Bool) -> Int {
    if isNarrow { return HessianSums.narrowRows }
    if group.columns < 512 { return group.columns }
    return group.unfolding == nil ? 256 : group.columns < 1024 ? 384 : group.columns < 2048 ? 512 : 1024
  }

  /// The rows of a piece.
  private func strip(_ index: Int, rows: Int) -> Range<Int> { index * rows..<min((index + 1) * rows, group.columns) }

  /// Rows of both are columns of D and X̃.
  private func addVectors(_ difference: Tensor, _ quantized: Tensor, _ workers: Workers) throws(HessianError) {
    let columns = group.columns
    let isNarrow = quantized.elementType == .bfloat16
    let height = stripRows(isNarrow: isNarrow)
    let (left, right) = isNarrow ? (difference.paddedRows, quantized.paddedRows) : (difference, quantized)
    try workers.forEach((columns + height - 1) / height) { [self] index throws(HessianError) in
      let rows = strip(index, rows: height)
      try Temporary.withFloats(rows.count * columns) { partial throws(HessianError) in
        if isNarrow {
          try left.withBFloat16 { d throws(HessianError) in
            try right.withBFloat16 { x throws(HessianError) in
              do {
                try GEMM.multiply(
                  rows: rows.count, columns: columns, depth: left.count / columns, d + rows.lowerBound, stride: columns,
                  transposed: true, x, stride: columns, into: partial, stride: columns)
              } catch {
                throw .failed("\(error)")
              }
            }
          }
        } else {
          left.withElements(as: Float.self) { d in
            right.withElements(as: Float.self) { x in
              GEMM.multiply(
                rows: rows.count, columns: columns, depth: left.count / columns, d.baseAddress! + rows.lowerBound,
                stride: columns, transposed: true, x.baseAddress!, stride: columns, into: partial, stride: columns)
            }
          }
        }
        add(partial, rows, ColumnSums.sums(difference, columns: columns, rows), group: 0)
      }
    }
  }

  private func addUnfolded(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, shape: [Int], _ unfolding: Unfolding,
    _ workers: Workers
  ) {
    let geometry = SpatialGeometry(unfolding, shape: shape)
    guard geometry.positions > 0 else { return }
    nonisolated(unsafe) let (left, right) = (left, right)
    let panels = UnfoldedPanels(geometry, columns: group.columns, groups: unfolding.groups, images: shape[0])
    if unfolding.groups > 1 {
      // Groups are pieces, each with panels of its own.
      workers.forEach(unfolding.groups) { [self] in addUnfolded(left, right, panels, $0, .alone) }
    } else {
      addUnfolded(left, right, panels, 0, workers)
    }
  }

  /// Adds Hessian `index` of a convolution.
  private func addUnfolded(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, _ panels: UnfoldedPanels, _ index: Int,
    _ workers: Workers
  ) {
    let columns = group.columns
    let height = stripRows(isNarrow: false)
    let strips = (columns + height - 1) / height
    let panel = panels.elementCount
    Temporary.withFloats(2 * panel + columns * columns) { memory in
      nonisolated(unsafe) let (d, x, partial) = (memory, memory + panel, memory + 2 * panel)
      let rowSums = RowSums(columns)
      for images in panels.images {
        let depth = panels.depth(images)
        panels.unfold(left, group: index, images, into: d, workers)
        panels.unfold(right, group: index, images, into: x, workers)
        workers.forEach(strips) { [self] strip in
          let rows = self.strip(strip, rows: height)
          GEMM.multiply(
            rows: rows.count, columns: columns, depth: depth, d + rows.lowerBound * depth, stride: depth,
            transposed: false, x, stride: depth, transposed: true, beta: images.lowerBound > 0 ? 1 : 0,
            into: partial + rows.lowerBound * columns, stride: columns)
        }
        rowSums.add(d, depth: depth, workers)
      }
      workers.forEach(strips) { [self] strip in
        let rows = self.strip(strip, rows: height)
        add(partial + rows.lowerBound * columns, rows, Array(rowSums.sums[rows]), group: index)
      }
    }
  }

  /// Adds `rows` of a row-major D X̃ᵀ and their sums to those of Hessian `index`.
  private func add(_ partial: UnsafePointer<Float>, _ rows: Range<Int>, _ rowSums: [Double], group index: Int) {
    let order = group.columns
    let rowSumStart = group.groups * order * order + index * order
    storage.forEachSlice(rows, ofRows: order) { slice, sums in
      kernels_add_scaled(
        sums + (index * order + slice.lowerBound) * order, partial + (slice.lowerBound - rows.lowerBound) * order,
        slice.count * order, scale.products)
      for row in slice {
        sums[rowSumStart + row] += Int64((rowSums[row - rows.lowerBound] * scale.elements).rounded(.toNearestOrEven))
      }
    }
  }
}
