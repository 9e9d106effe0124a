import Graphs

/// A scale or bias of a normalization, broadcast to the slices that are normalized.
enum SliceParameter {
  /// Throws unless the parameter's shape broadcasts to `slice`.
  static func check(_ facts: InputFacts, _ name: String, slice: ArraySlice<Int>) throws(OperatorError) {
    let fits =
      facts.shape.count <= slice.count
      && zip(facts.shape.reversed(), slice.reversed()).allSatisfy { $0 == $1 || $0 == 1 }
    guard fits else { throw .unsupported("\(name) of \(facts.shape) for slices of \(slice)") }
  }

  /// The parameter at every position of a slice.
  static func spread(_ tensor: Tensor, over slice: [Int]) -> [Float] {
    let values = tensor.array(of: Float.self)
    if tensor.shape == slice { return values }
    let shape = [Int](repeating: 1, count: slice.count - tensor.rank) + tensor.shape
    return (0..<slice.reduce(1, *)).map { position in
      var (rest, step, index) = (position, 1, 0)
      for axis in slice.indices.reversed() {
        index += (shape[axis] == 1 ? 0 : rest % slice[axis]) * step
        step *= shape[axis]
        rest /= slice[axis]
      }
      return values[index]
    }
  }
}
