import Foundation

/// Colours for numbers: a scale from dark blue to light yellow on which equal steps look equally large.
///
/// Lightness grows evenly and the hue turns evenly in the OKLab space (Björn Ottosson, "A perceptual color space for
/// image processing", 2020), so the scale also reads right in grey and for colour-blind eyes.
public enum ColorMap {
  /// A colour in sRGB.
  public struct Color: Sendable, Equatable {
    /// Red, 0 to 255.
    public var red: UInt8
    /// Green, 0 to 255.
    public var green: UInt8
    /// Blue, 0 to 255.
    public var blue: UInt8

    /// Makes a colour.
    public init(red: UInt8, green: UInt8, blue: UInt8) { (self.red, self.green, self.blue) = (red, green, blue) }
  }

  /// The scale in `count` steps, from the lowest number to the highest.
  public static func scale(_ count: Int) -> [Color] {
    precondition(count >= 2, "a scale of \(count) colours")
    return (0..<count).map { color(Double($0) / Double(count - 1)) }
  }

  /// The colour at `position`, 0 ... 1.
  static func color(_ position: Double) -> Color {
    let lightness = 0.18 + 0.77 * position
    let hue = (285 - 175 * position) * Double.pi / 180
    // As much colour as sRGB has at this lightness and hue, up to a smooth arc.
    var chroma = 0.04 + 0.13 * sin(Double.pi * (0.15 + 0.75 * position))
    var linear = Self.linear(lightness: lightness, chroma: chroma, hue: hue)
    while !linear.allSatisfy({ (0...1).contains($0) }), chroma > 0.001 {
      chroma *= 0.97
      linear = Self.linear(lightness: lightness, chroma: chroma, hue: hue)
    }
    let bytes = linear.map { value -> UInt8 in
      let clamped = min(max(value, 0), 1)
      let encoded = clamped <= 0.0031308 ? 12.92 * clamped : 1.055 * pow(clamped, 1 / 2.4) - 0.055
      return UInt8((encoded * 255).rounded())
    }
    return Color(red: bytes[0], green: bytes[1], blue: bytes[2])
  }

  /// Linear red, green and blue of an OKLab colour.
  private static func linear(lightness: Double, chroma: Double, hue: Double) -> [Double] {
    let (a, b) = (chroma * cos(hue), chroma * sin(hue))
    let long = pow(lightness + 0.3963377774 * a + 0.2158037573 * b, 3)
    let medium = pow(lightness - 0.1055613458 * a - 0.0638541728 * b, 3)
    let short = pow(lightness - 0.0894841775 * a - 1.2914855480 * b, 3)
    return [
      4.0767416621 * long - 3.3077115913 * medium + 0.2309699292 * short,
      -1.2684380046 * long + 2.6097574011 * medium - 0.3413193965 * short,
      -0.0041960863 * long - 0.7034186147 * medium + 1.7076147010 * short,
    ]
  }
}
