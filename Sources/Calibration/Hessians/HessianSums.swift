import Graphs
import LinearAlgebra
import Synchronization

internal import CKernels

/// X Xᵀ of one input group, added up as 64-bit integers: any partition of the chunks gives the same sum.
///
/// Each chunk's X Xᵀ is formed in float32 by BLAS, multiplied by `scale` (a power of two, so exactly), rounded to
/// an integer and added. Integer addition is associative: neither the number of ranks nor the order of threads
/// can change a bit. The scale leaves room for all chunks, so no sum overflows (`HessianSums.scale`).
///
/// Layout of `sums`: for each Hessian of the group in turn, the packed upper triangle as in `SymmetricMatrix`.
public final class HessianSums: Sendable {
  /// The input group whose columns are added.
  public let group: InputGroup
  /// What a chunk's float32 sums are multiplied by.
  public let scale: Double
  private let sums: Mutex<[Int64]>

  /// Zero sums.
  public init(group: InputGroup, scale: Double) {
    (self.group, self.scale) = (group, scale)
    sums = Mutex([Int64](repeating: 0, count: group.groups * SymmetricMatrix.count(order: group.columns)))
  }

  /// The power of two that brings sums over `chunkCount` chunks, none of whose diagonals exceeds `bound`, to at most 2⁶¹.
  ///
  /// float32 rounding makes a computed sum exceed its bound by less than a factor of two, for which one more bit
  /// is left. An input that is zero everywhere has scale 1.
  public static func scale(bound: Double, chunkCount: Int) -> Double {
    let total = bound * Double(max(chunkCount, 1))
    guard total > 0 else { return 1 }
    let exponent = min(61 - total.exponent - 1, 1000)
    return Double(sign: .plus, exponent: Int(exponent), significand: 1)
  }

  /// Adds X Xᵀ of one chunk. Safe to call from several threads at once.
  ///
  /// Complexity: O(columns² * columns of X) in float32 BLAS plus O(columns²) for the sum, per Hessian of the group.
  public func add(_ chunk: InputColumns) {
    for tensor in chunk.tensors {
      tensor.withElements(as: Float.self) { elements in
        guard !elements.isEmpty else { return }
        if let unfolding = group.unfolding {
          addUnfolded(elements, shape: tensor.shape, unfolding)
        } else {
          addVectors(elements)
        }
      }
    }
  }

  /// The sums so far, to be reduced over ranks; the accumulator is empty afterwards.
  public func take() -> [Int64] {
    sums.withLock { sums in
      let taken = sums
      sums = []
      return taken
    }
  }

  /// H = 2/N X Xᵀ from integer sums, in float64: one matrix per group.
  public static func hessians(group: InputGroup, sums: [Int64], scale: Double, columnCount: Int) -> [SymmetricMatrix] {
    let size = SymmetricMatrix.count(order: group.columns)
    let factor = 2 / (Double(max(columnCount, 1)) * scale)
    return (0..<group.groups).map { index in
      SymmetricMatrix(
        order: group.columns, upper: sums[index * size..<(index + 1) * size].map { Double($0) * factor })
    }
  }

  // A SYRK's operand stays below this many elements (32 MB), so that memory per thread is bounded.
  private static let panelElements = 8 << 20

  /// Rows of `elements` are the columns of X.
  private func addVectors(_ elements: UnsafeBufferPointer<Float>) {
    let columns = group.columns
    let vectors = elements.count / columns
    withPartial { partial in
      BLAS.symmetricRankUpdate(
        elements.baseAddress!, rows: columns, depth: vectors, transposed: true, leading: columns, accumulate: false,
        into: partial)
      add(partial, group: 0)
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
        for first in stride(from: 0, to: images, by: panelImages) {
          let count = min(panelImages, images - first)
          geometry.unfold(
            start + first * image, images: count, imageStride: image, channelCount: channelsPerGroup,
            into: panel.baseAddress!)
          BLAS.symmetricRankUpdate(
            panel.baseAddress!, rows: columns, depth: count * positions, transposed: false,
            leading: count * positions, accumulate: first > 0, into: partial)
        }
        add(partial, group: index)
      }
    }
  }

  /// Calls `body` with room for one X Xᵀ, columns x columns.
  private func withPartial(_ body: (UnsafeMutablePointer<Float>) -> Void) {
    let partial = UnsafeMutableBufferPointer<Float>.allocate(capacity: group.columns * group.columns)
    defer { partial.deallocate() }
    body(partial.baseAddress!)
  }

  /// Adds the upper triangle of a row-major X Xᵀ to the sums of Hessian `index`.
  private func add(_ partial: UnsafeMutablePointer<Float>, group index: Int) {
    let order = group.columns
    let size = SymmetricMatrix.count(order: order)
    sums.withLock { sums in
      sums.withUnsafeMutableBufferPointer { sums in
        var target = sums.baseAddress! + index * size
        for row in 0..<order {
          kernels_add_scaled(target, partial + row * order + row, order - row, scale)
          target += order - row
        }
      }
    }
  }
}
