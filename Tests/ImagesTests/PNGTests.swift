import Images
import Testing

@Suite("Pictures")
struct PNGTests {
  private let palette = [ColorMap.Color(red: 1, green: 2, blue: 3)] + ColorMap.scale(200)

  @Test("a picture comes back from its PNG file, pixel by pixel", arguments: [(1, 1), (3, 5), (257, 64)])
  func roundTrip(width: Int, height: Int) throws {
    let pixels = (0..<width * height).map { UInt8($0 * 7 % palette.count) }
    let image = IndexedImage(width: width, height: height, pixels: pixels)
    let bytes = try PNG.encode(image, palette: palette)
    #expect(Array(bytes.prefix(8)) == [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A])
    #expect(try PNG.encode(image, palette: palette) == bytes)
    let decoded = try PNG.decode(bytes)
    #expect((decoded.width, decoded.height) == (width, height))
    let expected = pixels.flatMap { [palette[Int($0)].red, palette[Int($0)].green, palette[Int($0)].blue] }
    #expect(decoded.pixels == expected)
  }

  @Test("what is no PNG file, or damaged, or too large is an error")
  func hostile() throws {
    let image = IndexedImage(width: 40, height: 40, pixels: (0..<1600).map { UInt8($0 % 100) })
    let bytes = try PNG.encode(image, palette: palette)
    #expect(throws: ImageError.self) { try PNG.decode([]) }
    #expect(throws: ImageError.self) { try PNG.decode([1, 2, 3, 4, 5, 6, 7, 8, 9]) }
    #expect(throws: ImageError.self) { try PNG.decode(Array(bytes.prefix(bytes.count / 2))) }
    #expect(throws: ImageError.tooLarge(width: 40, height: 40, limit: 1599)) { try PNG.decode(bytes, limit: 1599) }
    // A header that claims 2^31 - 1 lines is refused before memory is taken for them.
    var tall = bytes
    tall.replaceSubrange(20..<24, with: [0x7F, 0xFF, 0xFF, 0xFF])
    #expect(throws: ImageError.self) { try PNG.decode(tall) }
  }

  @Test("a sheet has its pictures in rows, with the background between them")
  func sheet() {
    let images = (1...3).map { IndexedImage(width: 2, height: 1, pixels: [UInt8($0), UInt8($0)]) }
    let sheet = IndexedImage.sheet(of: images, columns: 2, gap: 1, background: 9)
    #expect((sheet.width, sheet.height) == (7, 5))
    #expect(
      sheet.pixels == [
        9, 9, 9, 9, 9, 9, 9,
        9, 1, 1, 9, 2, 2, 9,
        9, 9, 9, 9, 9, 9, 9,
        9, 3, 3, 9, 9, 9, 9,
        9, 9, 9, 9, 9, 9, 9,
      ])
  }

  @Test("the scale grows lighter with every step, and no step is much larger than another")
  func scale() {
    func luminance(_ color: ColorMap.Color) -> Double {
      func linear(_ byte: UInt8) -> Double {
        let value = Double(byte) / 255
        return value <= 0.04045 ? value / 12.92 : pow24((value + 0.055) / 1.055)
      }
      return 0.2126 * linear(color.red) + 0.7152 * linear(color.green) + 0.0722 * linear(color.blue)
    }
    // Perceived lightness is near the cube root of the luminance.
    let lightness = ColorMap.scale(16).map { cubeRoot(luminance($0)) }
    let steps = zip(lightness.dropFirst(), lightness).map { $0 - $1 }
    #expect(steps.min()! > 0.02 && steps.max()! < 0.09, "\(steps)")
  }

  private func pow24(_ value: Double) -> Double { root(value, power: 12, of: 5) }

  private func cubeRoot(_ value: Double) -> Double { root(value, power: 1, of: 3) }

  /// value^(power / degree) by Newton's method.
  private func root(_ value: Double, power: Int, of degree: Int) -> Double {
    guard value > 0 else { return 0 }
    let target = (0..<power).reduce(1.0) { product, _ in product * value }
    var x = 1.0
    for _ in 0..<200 {
      let lower = (0..<degree - 1).reduce(1.0) { product, _ in product * x }
      x -= (lower * x - target) / (Double(degree) * lower)
    }
    return x
  }
}
