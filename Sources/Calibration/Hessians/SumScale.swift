/// The powers of two by which a chunk's sums become integers.
public struct SumScale: Sendable, Equatable {
  /// For the elements of X Xᵀ.
  public let products: Double
  /// For the row sums of X.
  public let elements: Double

  /// Scales that bring the sums over all chunks to at most 2⁶¹.
  ///
  /// float32 rounding makes a computed sum exceed its bound by less than a factor of two, for which one more bit is left.
  /// An input that is zero everywhere has scales of 1.
  /// - Parameters:
  ///   - bound: no chunk's X Xᵀ has a diagonal element above it, so no |x| is above its root.
  ///   - chunkCount: number of chunks of all ranks.
  ///   - columnCount: columns of X of all ranks.
  public init(bound: Double, chunkCount: Int, columnCount: Int) {
    products = Self.scale(largest: bound * Double(max(chunkCount, 1)))
    elements = Self.scale(largest: bound.squareRoot() * Double(max(columnCount, 1)))
  }

  /// The same for the sums of D X̃ᵀ and the row sums of D.
  ///
  /// - Parameters:
  ///   - differences: no chunk's D Dᵀ has a diagonal element above it.
  ///   - inputs: no chunk's X̃ X̃ᵀ has one above it, so that no |D X̃ᵀ| is above the root of their product.
  public init(differences: Double, inputs: Double, chunkCount: Int, columnCount: Int) {
    let product = differences.squareRoot() * inputs.squareRoot()
    products = Self.scale(largest: product * Double(max(chunkCount, 1)))
    elements = Self.scale(largest: differences.squareRoot() * Double(max(columnCount, 1)))
  }

  private static func scale(largest: Double) -> Double {
    guard largest > 0 else { return 1 }
    return Double(sign: .plus, exponent: min(60 - Int(largest.exponent), 1000), significand: 1)
  }
}
