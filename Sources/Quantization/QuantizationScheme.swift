/// How weights become integers: bits, symmetry, and what shares a scale.
///
/// A weight w is stored as a code q in 0 ..< 2^bits and stands for (q - z) * scale, with the zero point z in the same
/// range. Zero is always representable.
public struct QuantizationScheme: Sendable, Equatable {
  /// Which weights share a scale and a zero point.
  public enum Granularity: Sendable, Codable, Hashable {
    /// The whole matrix.
    case tensor
    /// Each row (output channel).
    case channel
    /// Each run of `size` columns of a row, in the natural column order; the last may be shorter.
    case group(size: Int)
  }

  /// Bits of a code, 2 ... 8.
  public let bits: Int
  /// Whether the zero point is 2^(bits - 1) everywhere.
  public let symmetric: Bool
  /// Which weights share a scale.
  public let granularity: Granularity
  /// The type to which scales are rounded before they are used.
  public let scaleType: ScaleType

  /// Makes a scheme; `bits` is in 2 ... 8 and a group size is at least 1.
  public init(bits: Int, symmetric: Bool, granularity: Granularity, scaleType: ScaleType = .float32) {
    precondition((2...8).contains(bits), "\(bits) bits are not in 2 ... 8")
    if case .group(let size) = granularity { precondition(size >= 1, "a group size of \(size)") }
    (self.bits, self.symmetric, self.granularity, self.scaleType) = (bits, symmetric, granularity, scaleType)
  }

  /// The largest code, 2^bits - 1.
  public var largestCode: Int { (1 << bits) - 1 }

  /// Columns of a group in rows of `columns` columns.
  public func groupSize(columns: Int) -> Int {
    if case .group(let size) = granularity { min(size, columns) } else { columns }
  }

  /// Groups per row of `columns` columns.
  public func groupCount(columns: Int) -> Int {
    let size = groupSize(columns: columns)
    return (columns + size - 1) / size
  }
}

extension QuantizationScheme: Codable {
  private enum CodingKeys: String, CodingKey { case bits, symmetric, granularity, scaleType }

  /// Decodes a scheme; bits or a group size out of range are a `DecodingError`.
  public init(from decoder: any Decoder) throws {
    let values = try decoder.container(keyedBy: CodingKeys.self)
    let bits = try values.decode(Int.self, forKey: .bits)
    guard (2...8).contains(bits) else {
      throw DecodingError.dataCorruptedError(
        forKey: .bits, in: values, debugDescription: "\(bits) bits are not in 2 ... 8")
    }
    let granularity = try values.decode(Granularity.self, forKey: .granularity)
    if case .group(let size) = granularity, size < 1 {
      throw DecodingError.dataCorruptedError(
        forKey: .granularity, in: values, debugDescription: "a group size of \(size) is not at least 1")
    }
    self.init(
      bits: bits, symmetric: try values.decode(Bool.self, forKey: .symmetric), granularity: granularity,
      scaleType: try values.decode(ScaleType.self, forKey: .scaleType))
  }
}
