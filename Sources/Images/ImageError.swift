/// Why a picture cannot be read or written.
public enum ImageError: Error, Equatable, CustomStringConvertible {
  /// What libpng says.
  case library(String)
  /// The picture has more pixels than are allowed.
  case tooLarge(width: Int, height: Int, limit: Int)

  /// What is wrong.
  public var description: String {
    switch self {
    case .library(let message): "libpng: \(message)"
    case .tooLarge(let width, let height, let limit):
      "a picture of \(width) x \(height) pixels; at most \(limit) are read"
    }
  }
}
