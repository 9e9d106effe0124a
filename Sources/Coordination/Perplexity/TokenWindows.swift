import Graphs
import Models

/// Token ids in windows of one length, cut one behind the other from a sequence; what is left at its end is not used.
struct TokenWindows: Sendable {
  /// All ids that are used, window after window.
  let ids: [Int64]
  /// Tokens of a window, at least two.
  let length: Int
  /// Number of tokens that there were to choose from.
  let tokenCount: Int
  /// Number of windows, at least one.
  var count: Int { ids.count / length }

  /// Cuts `sequence` into at most `limit` windows of `length`. Throws if it has none, or an id outside of the vocabulary.
  ///
  /// - Parameter tokenCount: the number of tokens that `sequence` was chosen from; nil for its own.
  init(
    _ sequence: [Int64], length: Int, limit: Int?, vocabulary: Int, path: String, tokenCount: Int? = nil
  ) throws(CoordinationError) {
    let count = min(sequence.count / max(length, 1), limit ?? .max)
    guard length >= 2, count >= 1 else {
      throw .tokens(
        path: path, reason: "\(sequence.count) tokens give no window of \(length); a window has at least 2 tokens")
    }
    ids = Array(sequence[..<(count * length)])
    (self.length, self.tokenCount) = (length, tokenCount ?? sequence.count)
    if let place = ids.firstIndex(where: { !(0..<Int64(vocabulary)).contains($0) }) {
      throw .tokens(
        path: path,
        reason: "token \(place) is \(ids[place]), the model has \(vocabulary) tokens; "
          + "were they made by another tokenizer?")
    }
  }

  /// Reads a file of integers: one sequence, which is cut into windows of `length`, or windows x length.
  init(path: String, length: Int, limit: Int?, vocabulary: Int) throws {
    let set = try SampleSet(path: path)
    let tensor = try set.samples(0..<set.count)
    guard (1...2).contains(tensor.rank), let ids = Self.integers(tensor) else {
      throw CoordinationError.tokens(
        path: path,
        reason: "\(tensor.elementType.rawValue) of shape \(tensor.shape); integers, tokens or windows x length, "
          + "are needed")
    }
    try self.init(
      ids, length: tensor.rank == 2 ? tensor.shape[1] : length, limit: limit, vocabulary: vocabulary, path: path)
  }

  /// The windows `range` as a model's input, (windows, length).
  func tensor(_ range: Range<Int>) -> Tensor {
    Tensor(Array(ids[range.lowerBound * length..<range.upperBound * length]), shape: [range.count, length])
  }

  private static func integers(_ tensor: Tensor) -> [Int64]? {
    func all<Element: TensorElement & BinaryInteger>(_ type: Element.Type) -> [Int64] {
      tensor.withElements(as: type) { elements in elements.map { Int64(truncatingIfNeeded: $0) } }
    }
    return switch tensor.elementType {
    case .int64: all(Int64.self)
    case .int32: all(Int32.self)
    case .uint32: all(UInt32.self)
    case .uint16: all(UInt16.self)
    default: nil
    }
  }
}
