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
  public func add(_ chunk: InputColumns) throws(HessianError) {
    for tensor in chunk.tensors where tensor.count > 0 {
      guard let unfolding = group.unfolding else {
        try addVectors(tensor)
        continue
      }
      tensor.withElements(as: Float.self) { addUnfolded($0, shape: tensor.shape, unfolding) }
    }
  }

  /// The sums so far, to be reduced over ranks; an accumulator of this process alone is empty afterwards.
  public func take() -> [Int64] { storage.take() }

  // A SYRK's operand stays below this many elements (32 MB), so that memory per thread is bounded.
  private static let panelElements = 8 << 20

  /// Rows of `tensor` are the columns of X.
  private func addVectors(_ tensor: Tensor) throws(HessianError) {
    let columns = group.columns
    let vectors = tensor.count / columns
    try withPartial { partial throws(HessianError) in
      if tensor.elementType == .bfloat16 {
        let padded = tensor.paddedRows
        try padded.withBFloat16 { elements throws(HessianError) in
          try multiply(elements, vectors: padded.count / columns, into: partial)
        }
      } else {
        tensor.withElements(as: Float.self) { elements in
          BLAS.symmetricRankUpdate(
            elements.baseAddress!, rows: columns, depth: vectors, transposed: true, leading: columns, accumulate: false,
            into: partial)
        }
      }
      add(partial, ColumnSums.sums(tensor, columns: columns), group: 0)
    }
  }

  // Rows of X Xᵀ that are computed at a time, from the diagonal on; those left of it within a strip are too.
  private static let stripRows = 256

  /// The upper triangle of X Xᵀ of bfloat16 columns, in strips: products are exact, sums float32.
  private func multiply(
    _ elements: UnsafePointer<UInt16>, vectors: Int, into partial: UnsafeMutablePointer<Float>
  ) throws(HessianError) {
    let columns = group.columns
    for start in stride(from: 0, to: columns, by: Self.stripRows) {
      do {
        try GEMM.multiply(
          rows: min(Self.stripRows, columns - start), columns: columns - start, depth: vectors, elements + start,
          stride: columns, transposed: true, elements + start, stride: columns,
          into: partial + start * columns + start, stride: columns)
      } catch {
        throw .failed("\(error)")
      }
    }
  }

  private func addUnfolded(_ elements: UnsafeBufferPointer<Float>, shape: [Int], _ unfolding: Unfolding) {
    let geometry = SpatialGeometry(unfolding, shape: shape)
    let columns = group.columns
    let (images, positions) = (shape[0], geometry.positions)
    guard positions > 0 else { return }
    let channelsPerGroup = geometry.channels / unfolding.groups
    let (plane, image) = (geometry.height * geometry.width, geometry.channels * geometry.height * geometry.width)
    let panelImages = min(images, max(1, Self.panelElements / (columns * positions)))
    let panel = UnsafeMutableBufferPointer<Float>.allocate(capacity: columns * panelImages * positions)
    defer { panel.deallocate() }
    withPartial { partial in
      for index in 0..<unfolding.groups {
        let start = elements.baseAddress! + index * channelsPerGroup * plane
        var rowSums = [Double](repeating: 0, count: columns)
        for first in stride(from: 0, to: images, by: panelImages) {
          let count = min(panelImages, images - first)
          geometry.unfold(
            start + first * image, images: count, imageStride: image, channelCount: channelsPerGroup,
            into: panel.baseAddress!)
          BLAS.symmetricRankUpdate(
            panel.baseAddress!, rows: columns, depth: count * positions, transposed: false,
            leading: count * positions, accumulate: first > 0, into: partial)
          for row in 0..<columns {
            rowSums[row] += WideSums.sum(
              UnsafeBufferPointer(rebasing: panel[row * count * positions..<(row + 1) * count * positions]))
          }
        }
        add(partial, rowSums, group: index)
      }
    }
  }

  /// Calls `body` with room for one X Xᵀ, columns x columns.
  private func withPartial<E: Error>(_ body: (UnsafeMutablePointer<Float>) throws(E) -> Void) throws(E) {
    try Temporary.withFloats(group.columns * group.columns, body)
  }

  /// Adds the upper triangle of a row-major X Xᵀ and the row sums to the sums of Hessian `index`.
  private func add(_ partial: UnsafeMutablePointer<Float>, _ rowSums: [Double], group index: Int) {
    let order = group.columns
    let size = SymmetricMatrix.count(order: order)
    let rowSumStart = group.groups * size + index * order
    storage.forEachSlice(ofRows: order) { rows, sums in
      var target = sums + index * size + SymmetricMatrix.rowStart(rows.lowerBound, order: order)
      for row in rows {
        kernels_add_scaled(target, partial + row * order + row, order - row, scale.products)
        target += order - row
        sums[rowSumStart + row] += Int64((rowSums[row] * scale.elements).rounded(.toNearestOrEven))
      }
    }
  }
}
