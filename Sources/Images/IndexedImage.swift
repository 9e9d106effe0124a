/// A picture whose pixels are numbers of colours.
public struct IndexedImage: Sendable, Equatable {
  /// Pixels of a line.
  public let width: Int
  /// Number of lines.
  public let height: Int
  /// Line after line from the top; each a colour of the palette it is written with.
  public var pixels: [UInt8]

  /// Makes a picture of `width` x `height` pixels.
  public init(width: Int, height: Int, pixels: [UInt8]) {
    precondition(width > 0 && height > 0, "a picture of \(width) x \(height)")
    precondition(pixels.count == width * height, "\(pixels.count) pixels are not \(width) x \(height)")
    (self.width, self.height, self.pixels) = (width, height, pixels)
  }

  /// Pictures in a grid, in rows from the top left, each at the top left of a cell, with `background` between them.
  ///
  /// - Parameters:
  ///   - columns: cells of a row.
  ///   - gap: pixels between cells and around all of them.
  public static func sheet(of images: [IndexedImage], columns: Int, gap: Int, background: UInt8) -> IndexedImage {
    precondition(columns > 0 && !images.isEmpty, "\(images.count) pictures in \(columns) columns")
    let cellWidth = images.map(\.width).max()!
    let cellHeight = images.map(\.height).max()!
    let across = min(columns, images.count)
    let down = (images.count + across - 1) / across
    let width = gap + across * (cellWidth + gap)
    let height = gap + down * (cellHeight + gap)
    var pixels = [UInt8](repeating: background, count: width * height)
    for (index, image) in images.enumerated() {
      let left = gap + index % across * (cellWidth + gap)
      let top = gap + index / across * (cellHeight + gap)
      for line in 0..<image.height {
        let start = (top + line) * width + left
        pixels.replaceSubrange(
          start..<start + image.width, with: image.pixels[line * image.width..<(line + 1) * image.width])
      }
    }
    return IndexedImage(width: width, height: height, pixels: pixels)
  }
}
