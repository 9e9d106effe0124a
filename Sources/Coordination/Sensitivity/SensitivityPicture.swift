import Foundation
import Images

/// The sensitivities of a layer as a picture: rows from the top, columns from the left, on a logarithmic scale.
struct SensitivityPicture: Codable, Sendable {
  /// Pixels of a line, lines, and the pixels: 0 for no sensitivity, then 1 (low) to `colors` (high).
  var width: Int
  var height: Int
  var pixels: Data
  /// What the ends of the scale stand for; what lies below or above has the colour of the end. Zero if nothing is sensitive.
  var low: Double
  var high: Double

  /// Number of colours of the scale.
  static let colors = 254
  /// The palette: black for no sensitivity, the scale, white around pictures.
  static let palette =
    [ColorMap.Color(red: 0, green: 0, blue: 0)] + ColorMap.scale(colors)
    + [ColorMap.Color(red: 255, green: 255, blue: 255)]
  /// The number of white in the palette.
  static let background = UInt8(colors + 1)

  /// Draws a matrix, rows x columns, row-major; a pixel is the mean of the weights that it covers.
  ///
  /// The scale ends at the highest pixel and at the lowest but one of a hundred.
  /// - Parameter limit: pixels of an edge, at most.
  init(_ sensitivities: [Double], rows: Int, columns: Int, limit: Int) {
    let (width, height) = (min(columns, limit), min(rows, limit))
    var means = [Double](repeating: 0, count: width * height)
    for y in 0..<height {
      let covered = y * rows / height..<(y + 1) * rows / height
      for x in 0..<width {
        let across = x * columns / width..<(x + 1) * columns / width
        var sum = 0.0
        for row in covered { for column in across { sum += sensitivities[row * columns + column] } }
        means[y * width + x] = sum / Double(covered.count * across.count)
      }
    }
    let positive = means.filter { $0 > 0 }.sorted()
    let (low, high) = positive.isEmpty ? (0, 0) : (positive[positive.count / 100], positive[positive.count - 1])
    let range = low < high ? log(high / low) : 1
    let pixels = means.map { mean -> UInt8 in
      guard mean > 0 else { return 0 }
      let position = min(max(log(mean / low) / range, 0), 1)
      return UInt8(1 + (position * Double(Self.colors - 1)).rounded())
    }
    (self.width, self.height, self.low, self.high) = (width, height, low, high)
    self.pixels = Data(pixels)
  }

  /// The picture.
  var image: IndexedImage { IndexedImage(width: width, height: height, pixels: Array(pixels)) }
}
