import Graphs
import LinearAlgebra

internal import CKernels

/// X Xᵀ and the row sums of X of one input group, added up as 64-bit integers: any partition of the chunks gives the
/// same sums.
///
/// Each chunk's X Xᵀ is formed in float32 by BLAS (the row sums in float64), multiplied by a power of two, so exactly,
/// rounded to an integer and added. Integer addition is associative: neither the number of ranks nor the order of
/// threads can change a bit. The scales leave room for all chunks, so no sum overflows (`SumScale`).
///
/// Layout of the sums: for each Hessian of the group in turn, the packed upper triangle as in `SymmetricMatrix`; then for
/// each Hessian its `columns` row sums.
public final class HessianSums: Sendable {
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
  public static func count(_ group: InputGroup) -> Int {
    group.groups * (SymmetricMatrix.count(order: group.columns) + group.columns)
  }

  /// Adds X Xᵀ and the row sums of one chunk. Safe to call from several threads at once.
  ///
  /// Complexity: O(columns² * columns of X) in float32 BLAS plus O(columns²) for the sum, per Hessian of the group.
  public func add(_ chunk: InputColumns, workers: Workers = .alone) throws(HessianError) {
    for tensor in chunk.tensors where tensor.count > 0 {
      guard let unfolding = group.unfolding else {
        try addVectors(tensor, workers)
        continue
      }
      tensor.withElements(as: Float.self) { addUnfolded($0, shape: tensor.shape, unfolding, workers) }
    }
  }

  /// The sums so far, to be reduced over ranks; an accumulator of this process alone is empty afterwards.
  public func take() -> [Int64] { storage.take() }

  /// Rows of X Xᵀ of bfloat16 columns that are a piece.
  static let narrowRows = 256

  /// The most rows that a piece has of the sums of a matrix product's columns.
  public static let largestStrip = 512

  /// The pieces of the sums of a chunk, see `add`.
  public static func pieceCount(_ group: InputGroup) -> Int {
    let rows = group.unfolding == nil ? narrowRows : group.columns < 1024 ? 384 : 512
    return max(group.groups, (group.columns + rows - 1) / rows)
  }

  /// Rows of X Xᵀ that are a piece: as few as leave one thread its speed, and all of a small one.
  private func stripRows(isNarrow: Bool) -> Int {
    if isNarrow { return Self.narrowRows }
    if group.columns < 512 { return group.columns }
    return group.unfolding == nil ? 256 : group.columns < 1024 ? 384 : 512
  }

  /// The rows of a piece.
  private func strip(_ index: Int, rows: Int) -> Range<Int> { index * rows..<min((index + 1) * rows, group.columns) }

  /// Rows of `tensor` are the columns of X.
  private func addVectors(_ tensor: Tensor, _ workers: Workers) throws(HessianError) {
    let columns = group.columns
    let isNarrow = tensor.elementType == .bfloat16
    let height = stripRows(isNarrow: isNarrow)
    let padded = isNarrow ? tensor.paddedRows : tensor
    try workers.forEach((columns + height - 1) / height) { [self] index throws(HessianError) in
      let rows = strip(index, rows: height)
      let width = columns - rows.lowerBound
      try Temporary.withFloats(rows.count * width) { partial throws(HessianError) in
        if isNarrow {
          try padded.withBFloat16 { elements throws(HessianError) in
            let x = elements + rows.lowerBound
            do {
              try GEMM.multiply(
                rows: rows.count, columns: width, depth: padded.count / columns, x, stride: columns, transposed: true,
                x, stride: columns, into: partial, stride: width)
            } catch {
              throw .failed("\(error)")
            }
          }
        } else {
          tensor.withElements(as: Float.self) { elements in
            multiply(
              elements.baseAddress! + rows.lowerBound, rows: rows.count, width: width, depth: tensor.count / columns,
              transposed: true, stride: columns, accumulates: false, into: partial)
          }
        }
        add(partial, rows, ColumnSums.sums(tensor, columns: columns, rows), group: 0)
      }
    }
  }

  /// The first `rows` rows of the upper triangle of a product of `width` columns: a triangle, and what is right of it.
  private func multiply(
    _ x: UnsafePointer<Float>, rows: Int, width: Int, depth: Int, transposed: Bool, stride: Int, accumulates: Bool,
    into partial: UnsafeMutablePointer<Float>
  ) {
    BLAS.symmetricRankUpdate(
      x, rows: rows, depth: depth, transposed: transposed, leading: stride, accumulate: accumulates, into: partial,
      stride: width)
    GEMM.multiply(
      rows: rows, columns: width - rows, depth: depth, x, stride: stride, transposed: transposed,
      x + rows * (transposed ? 1 : stride), stride: stride, transposed: !transposed, beta: accumulates ? 1 : 0,
      into: partial + rows, stride: width)
  }

  private func addUnfolded(
    _ elements: UnsafeBufferPointer<Float>, shape: [Int], _ unfolding: Unfolding, _ workers: Workers
  ) {
    let geometry = SpatialGeometry(unfolding, shape: shape)
    guard geometry.positions > 0 else { return }
    nonisolated(unsafe) let elements = elements.baseAddress!
    let panels = UnfoldedPanels(geometry, columns: group.columns, groups: unfolding.groups, images: shape[0])
    if unfolding.groups > 1 {
      // Groups are pieces, each with a panel of its own.
      workers.forEach(unfolding.groups) { [self] in addUnfolded(elements, panels, $0, .alone) }
    } else {
      addUnfolded(elements, panels, 0, workers)
    }
  }

  /// Adds Hessian `index` of a convolution.
  private func addUnfolded(_ elements: UnsafePointer<Float>, _ panels: UnfoldedPanels, _ index: Int, _ workers: Workers)
  {
    let columns = group.columns
    let height = stripRows(isNarrow: false)
    let strips = (columns + height - 1) / height
    // Strip after strip, each rows x (columns from its diagonal on).
    let starts = (0...strips).map { $0 * height * columns - height * height * $0 * ($0 - 1) / 2 }
    Temporary.withFloats(panels.elementCount + starts[strips]) { memory in
      nonisolated(unsafe) let (panel, partial) = (memory, memory + panels.elementCount)
      let rowSums = RowSums(columns)
      for images in panels.images {
        let depth = panels.depth(images)
        panels.unfold(elements, group: index, images, into: panel, workers)
        workers.forEach(strips) { [self] strip in
          let rows = self.strip(strip, rows: height)
          multiply(
            panel + rows.lowerBound * depth, rows: rows.count, width: columns - rows.lowerBound, depth: depth,
            transposed: false, stride: depth, accumulates: images.lowerBound > 0, into: partial + starts[strip])
        }
        rowSums.add(panel, depth: depth, workers)
      }
      workers.forEach(strips) { [self] strip in
        let rows = self.strip(strip, rows: height)
        add(partial + starts[strip], rows, Array(rowSums.sums[rows]), group: index)
      }
    }
  }

  /// Adds `rows` of the upper triangle of a row-major X Xᵀ, from the first one's diagonal on, and their sums to those of Hessian
  /// `index`.
  private func add(_ partial: UnsafePointer<Float>, _ rows: Range<Int>, _ rowSums: [Double], group index: Int) {
    let order = group.columns
    let size = SymmetricMatrix.count(order: order)
    let width = order - rows.lowerBound
    let rowSumStart = group.groups * size + index * order
    storage.forEachSlice(rows, ofRows: order) { slice, sums in
      var target = sums + index * size + SymmetricMatrix.rowStart(slice.lowerBound, order: order)
      for row in slice {
        let place = row - rows.lowerBound
        kernels_add_scaled(target, partial + place * width + place, order - row, scale.products)
        target += order - row
        sums[rowSumStart + row] += Int64((rowSums[place] * scale.elements).rounded(.toNearestOrEven))
      }
    }
  }
}
