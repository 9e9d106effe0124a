import Graphs
import LinearAlgebra

/// The columns that a convolution reads, unfolded for some images at a time.
struct UnfoldedPanels: Sendable {
  private let geometry: SpatialGeometry
  private let columns: Int
  private let channels: Int
  private let panelImages: Int
  private let imageCount: Int

  // A product's operand stays below this many elements (32 MB), so that memory per chunk is bounded.
  private static let limit = 8 << 20

  /// Panels of `images` images of a convolution in `groups` groups, each of which reads `columns` columns.
  init(_ geometry: SpatialGeometry, columns: Int, groups: Int, images: Int) {
    (self.geometry, self.columns, imageCount) = (geometry, columns, images)
    channels = geometry.channels / groups
    panelImages = min(images, max(1, Self.limit / (columns * geometry.positions)))
  }

  /// The images of each panel.
  var images: [Range<Int>] {
    stride(from: 0, to: imageCount, by: panelImages).map { $0..<min($0 + panelImages, imageCount) }
  }

  /// Elements of the largest panel.
  var elementCount: Int { columns * panelImages * geometry.positions }

  /// Columns of X in a panel.
  func depth(_ images: Range<Int>) -> Int { images.count * geometry.positions }

  /// Writes the panel of `images` of a group: columns x `depth(images)`. Channels are pieces.
  func unfold(
    _ elements: UnsafePointer<Float>, group: Int, _ images: Range<Int>, into panel: UnsafeMutablePointer<Float>,
    _ workers: Workers
  ) {
    let plane = geometry.height * geometry.width
    let image = geometry.channels * plane
    let rowsOfChannel = geometry.kernel.0 * geometry.kernel.1
    let depth = depth(images)
    nonisolated(unsafe) let (source, panel) = (
      elements + group * channels * plane + images.lowerBound * image, panel
    )
    workers.forEachRange(channels, size: Pieces.rows(rowsOfChannel * depth)) { part in
      geometry.unfold(
        source + part.lowerBound * plane, images: images.count, imageStride: image, channelCount: part.count,
        into: panel + part.lowerBound * rowsOfChannel * depth)
    }
  }
}

/// Sums of the rows of panels, in float64.
final class RowSums: @unchecked Sendable {
  /// One for each row; read when nobody adds.
  private(set) var sums: [Double]

  init(_ rows: Int) { sums = Array(repeating: 0, count: rows) }

  /// Adds the rows of a panel, `depth` elements each. Some rows are a piece.
  func add(_ panel: UnsafePointer<Float>, depth: Int, _ workers: Workers) {
    sums.withUnsafeMutableBufferPointer { sums in
      nonisolated(unsafe) let (panel, sums) = (panel, sums)
      workers.forEachRange(sums.count, size: Pieces.rows(depth)) { rows in
        for row in rows {
          sums[row] += WideSums.sum(UnsafeBufferPointer(start: panel + row * depth, count: depth))
        }
      }
    }
  }
}
