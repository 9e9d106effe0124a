import Foundation
import Graphs
import Images

/// The files of a sensitivity map: one sheet, or a folder with a picture per layer and an `index.html` that shows them.
struct SensitivityFiles {
  private let options: SensitivityOptions
  private let layers: [Layer]
  private let maps: [SensitivityMap]

  /// Files of `maps`, which are in the order of `layers`.
  init(_ options: SensitivityOptions, layers: [Layer], maps: [SensitivityMap]) {
    (self.options, self.layers, self.maps) = (options, layers, maps)
  }

  /// Writes them; each file appears whole or not at all. Throws `CoordinationError.output`.
  func write() throws {
    if options.isSheet {
      let columns = max(1, Int(Double(maps.count).squareRoot().rounded(.up)))
      let sheet = IndexedImage.sheet(
        of: maps.map(\.picture.image), columns: columns, gap: 8, background: SensitivityPicture.background)
      return try put(try PNG.encode(sheet, palette: SensitivityPicture.palette), at: options.output)
    }
    // All pictures exist before the first is written.
    let pictures = try maps.map { try PNG.encode($0.picture.image, palette: SensitivityPicture.palette) }
    do {
      try FileManager.default.createDirectory(atPath: options.output, withIntermediateDirectories: true)
    } catch {
      throw CoordinationError.output(
        path: options.output, reason: "the folder cannot be made: \(error.localizedDescription)")
    }
    for (map, picture) in zip(maps, pictures) { try put(picture, at: options.output + "/" + fileName(map)) }
    try put(Array(page.utf8), at: options.output + "/index.html")
  }

  private func put(_ bytes: [UInt8], at path: String) throws(CoordinationError) {
    do {
      try Data(bytes).write(to: URL(filePath: path), options: .atomic)
    } catch {
      throw .output(path: path, reason: "the file cannot be written: \(error.localizedDescription)")
    }
  }

  /// A name that every file system takes: the layer's number, then its name.
  private func fileName(_ map: SensitivityMap) -> String {
    let name = layers[map.layer].name.unicodeScalars.map { scalar -> Character in
      let isPlain = scalar.isASCII && (scalar.properties.isAlphabetic || ("0"..."9").contains(scalar))
      return isPlain || "-.".unicodeScalars.contains(scalar) ? Character(scalar) : "_"
    }
    return String(format: "%03d-", map.layer + 1) + String(name.prefix(100)) + ".png"
  }

  private var page: String {
    let stops = SensitivityPicture.palette.dropFirst().dropLast().enumerated().filter { $0.offset % 23 == 0 }.map {
      "rgb(\($0.element.red),\($0.element.green),\($0.element.blue))"
    }
    var lines = [
      "<!DOCTYPE html>", "<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Sensitivity</title><style>",
      "body { font: 14px sans-serif; margin: 2em }",
      "figure { display: inline-block; margin: 0 1.5em 1.5em 0; vertical-align: top }",
      "img { image-rendering: pixelated; min-width: 160px; min-height: 40px; max-width: 480px }",
      ".scale { width: 320px; height: 14px; background: linear-gradient(to right, \(stops.joined(separator: ", "))) }",
      "</style></head><body>",
      "<h1>Sensitivity of the weights of \(Self.escaped(options.layers.model))</h1>",
      "<p>s = (w - Q(w))&sup2; / H<sup>-1</sup><sub>jj</sub> at \(options.scheme.bits) bits; a line is an output channel, a "
        + "column an input of it. The scale is logarithmic, from low to high in each picture; black has none.</p>",
      "<div class=\"scale\"></div>",
    ]
    for map in maps {
      let (layer, statistics) = (layers[map.layer], map.statistics)
      let caption = String(
        format:
          "%d x %d, s from %.2e to %.2e<br>of log s: %.0f %% by column, %.0f %% by row<br>of s: %.0f %% in 1 %% of the columns",
        layer.rows, layer.columns, map.picture.low, map.picture.high, 100 * statistics.logByColumn,
        100 * statistics.logByRow, 100 * statistics.top1)
      lines.append(
        "<figure><img src=\"\(fileName(map))\" alt=\"\"><figcaption>\(Self.escaped(layer.name))<br>\(caption)"
          + "</figcaption></figure>")
    }
    return (lines + ["</body></html>", ""]).joined(separator: "\n")
  }

  private static func escaped(_ text: String) -> String {
    text.replacingOccurrences(of: "&", with: "&amp;").replacingOccurrences(of: "<", with: "&lt;")
  }
}
