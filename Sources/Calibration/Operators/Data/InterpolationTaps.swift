import Graphs

/// The weighted sums that make up one dimension of a resized tensor.
struct InterpolationTaps {
  /// Terms of each sum.
  let width: Int
  /// Input indices, `width` for each index of the output.
  var indices: [Int]
  /// The weights of these.
  var weights: [Double]
  /// For each index of the output, whether it has a fixed value instead.
  var isExtrapolated: [Bool]

  /// Whether the sums are the input itself, so that nothing needs to be computed.
  func isIdentity(length: Int) -> Bool {
    guard isExtrapolated.count == length, !isExtrapolated.contains(true) else { return false }
    return indices.indices.allSatisfy { weights[$0] == 0 || (weights[$0] == 1 && indices[$0] == $0 / width) }
  }

  /// The sums along `axis` of `input`, whose elements are of type `Element`.
  func apply<Element: BinaryFloatingPoint & TensorElement>(
    to input: Tensor, axis: Int, extrapolation: Element
  ) -> Tensor {
    let length = input.shape[axis]
    let outer = input.shape[..<axis].reduce(1, *)
    let inner = input.shape[(axis + 1)...].reduce(1, *)
    var shape = input.shape
    shape[axis] = isExtrapolated.count
    let weights = weights.map { Element($0) }
    return Tensor(shape: shape, of: Element.self) { result in
      input.withElements(as: Element.self) { elements in
        guard let source = elements.baseAddress, let target = result.baseAddress else { return }
        for block in 0..<outer {
          for (index, isExtrapolated) in isExtrapolated.enumerated() {
            let out = target + (block * shape[axis] + index) * inner
            if isExtrapolated {
              out.update(repeating: extrapolation, count: inner)
              continue
            }
            out.update(repeating: 0, count: inner)
            for tap in index * width..<(index + 1) * width where weights[tap] != 0 {
              let (weight, row) = (weights[tap], source + (block * length + indices[tap]) * inner)
              for i in 0..<inner { out[i] += weight * row[i] }
            }
          }
        }
      }
    }
  }
}
