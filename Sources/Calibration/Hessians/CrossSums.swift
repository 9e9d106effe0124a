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
  public func add(differences: InputColumns, quantized: InputColumns) throws(HessianError) {
    for (difference, tensor) in zip(differences.tensors, quantized.tensors) where tensor.count > 0 {
      guard let unfolding = group.unfolding else {
        try addVectors(difference, tensor)
        continue
      }
      difference.withElements(as: Float.self) { left in
        tensor.withElements(as: Float.self) { right in
          addUnfolded(left.baseAddress!, right.baseAddress!, shape: tensor.shape, unfolding)
        }
      }
    }
  }

  /// The sums so far, to be reduced over ranks; an accumulator of this process alone is empty afterwards.
  public func take() -> [Int64] { storage.take() }

  // Each of two operands of a product stays below this many elements (32 MB), so that memory per thread is bounded.
  private static let panelElements = 8 << 20

  /// Rows of both are columns of D and X̃.
  private func addVectors(_ difference: Tensor, _ quantized: Tensor) throws(HessianError) {
    let columns = group.columns
    try Temporary.withFloats(columns * columns) { partial throws(HessianError) in
      if quantized.elementType == .bfloat16 {
        let (padded, other) = (difference.paddedRows, quantized.paddedRows)
        try padded.withBFloat16 { left throws(HessianError) in
          try other.withBFloat16 { right throws(HessianError) in
            do {
              try GEMM.multiply(
                rows: columns, columns: columns, depth: padded.count / columns, left, stride: columns, transposed: true,
                right,
                stride: columns, into: partial, stride: columns)
            } catch {
              throw .failed("\(error)")
            }
          }
        }
      } else {
        difference.withElements(as: Float.self) { left in
          quantized.withElements(as: Float.self) { right in
            GEMM.multiply(
              rows: columns, columns: columns, depth: quantized.count / columns, left.baseAddress!, stride: columns,
              transposed: true,
              right.baseAddress!, stride: columns, into: partial, stride: columns)
          }
        }
      }
      add(partial, ColumnSums.sums(difference, columns: columns), group: 0)
    }
  }

  private func addUnfolded(
    _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, shape: [Int], _ unfolding: Unfolding
  ) {
    let geometry = SpatialGeometry(unfolding, shape: shape)
    let columns = group.columns
    let (images, positions) = (shape[0], geometry.positions)
    guard positions > 0 else { return }
    let channels = geometry.channels / unfolding.groups
    let (plane, image) = (geometry.height * geometry.width, geometry.channels * geometry.height * geometry.width)
    let panelImages = min(images, max(1, Self.panelElements / (columns * positions)))
    let panel = columns * panelImages * positions
    Temporary.withFloats(2 * panel + columns * columns) { memory in
      let (d, x, partial) = (memory, memory + panel, memory + 2 * panel)
      for index in 0..<unfolding.groups {
        let start = index * channels * plane
        var rowSums = [Double](repeating: 0, count: columns)
        for first in stride(from: 0, to: images, by: panelImages) {
          let count = min(panelImages, images - first)
          let depth = count * positions
          for (source, target) in [(left, d), (right, x)] {
            geometry.unfold(
              source + start + first * image, images: count, imageStride: image, channelCount: channels, into: target)
          }
          GEMM.multiply(
            rows: columns, columns: columns, depth: depth, d, stride: depth, transposed: false, x, stride: depth,
            transposed: true,
            beta: first > 0 ? 1 : 0, into: partial, stride: columns)
          for row in 0..<columns {
            rowSums[row] += WideSums.sum(UnsafeBufferPointer(start: d + row * depth, count: depth))
          }
        }
        add(partial, rowSums, group: index)
      }
    }
  }

  /// Adds a row-major D X̃ᵀ and the row sums of D to the sums of Hessian `index`.
  private func add(_ partial: UnsafePointer<Float>, _ rowSums: [Double], group index: Int) {
    let order = group.columns
    let rowSumStart = group.groups * order * order + index * order
    storage.forEachSlice(ofRows: order) { rows, sums in
      kernels_add_scaled(
        sums + (index * order + rows.lowerBound) * order, partial + rows.lowerBound * order, rows.count * order,
        scale.products)
      for row in rows {
        sums[rowSumStart + row] += Int64((rowSums[row] * scale.elements).rounded(.toNearestOrEven))
      }
    }
  }
}
