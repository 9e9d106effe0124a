internal import CPNG

/// Reads and writes PNG files in memory, by libpng.
public enum PNG {
  /// The bytes of a PNG file of `image` with 8 bits per pixel; the same picture gives the same bytes.
  ///
  /// - Parameter palette: red, green and blue of each colour, 1 to 256 of them; every pixel is one of these.
  public static func encode(_ image: IndexedImage, palette: [ColorMap.Color]) throws(ImageError) -> [UInt8] {
    precondition((1...256).contains(palette.count), "\(palette.count) colours")
    precondition(image.pixels.allSatisfy { Int($0) < palette.count }, "a pixel is not one of \(palette.count) colours")
    let colors = palette.flatMap { [$0.red, $0.green, $0.blue] }
    var control = png_image()
    control.version = png_uint_32(cpng_version)
    (control.width, control.height) = (png_uint_32(image.width), png_uint_32(image.height))
    control.format = png_uint_32(cpng_format_rgb_colormap)
    control.colormap_entries = png_uint_32(palette.count)
    defer { png_image_free(&control) }
    var size = 0
    guard png_image_write_to_memory(&control, nil, &size, 0, image.pixels, 0, colors) != 0 else {
      throw .library(String(cString: cpng_message(&control)))
    }
    var bytes = [UInt8](repeating: 0, count: size)
    guard png_image_write_to_memory(&control, &bytes, &size, 0, image.pixels, 0, colors) != 0 else {
      throw .library(String(cString: cpng_message(&control)))
    }
    return Array(bytes[..<size])
  }

  /// Width, height and the pixels of a PNG file, red, green and blue of each.
  ///
  /// Throws `ImageError` for bytes that are no PNG file, a damaged one, or one of more than `limit` pixels.
  public static func decode(
    _ bytes: [UInt8], limit: Int = 1 << 28
  ) throws(ImageError) -> (width: Int, height: Int, pixels: [UInt8]) {
    var control = png_image()
    control.version = png_uint_32(cpng_version)
    defer { png_image_free(&control) }
    return try bytes.withUnsafeBufferPointer { bytes throws(ImageError) in
      guard let start = bytes.baseAddress, png_image_begin_read_from_memory(&control, start, bytes.count) != 0 else {
        throw .library(bytes.isEmpty ? "no bytes" : String(cString: cpng_message(&control)))
      }
      let (width, height) = (Int(control.width), Int(control.height))
      guard width * height <= limit else { throw .tooLarge(width: width, height: height, limit: limit) }
      control.format = png_uint_32(cpng_format_rgb)
      var pixels = [UInt8](repeating: 0, count: width * height * 3)
      guard png_image_finish_read(&control, nil, &pixels, 0, nil) != 0 else {
        throw .library(String(cString: cpng_message(&control)))
      }
      return (width, height, pixels)
    }
  }
}
