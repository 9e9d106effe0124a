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
        weights.withUnsafeBufferPointer { weights in
          indices.withUnsafeBufferPointer { indices in
            guard let source = elements.baseAddress, let target = result.baseAddress else { return }
            for block in 0..<outer {
              let (rows, out) = (source + block * length * inner, target + block * shape[axis] * inner)
              if inner == 1 {
                line(rows, out, weights, indices)
              } else {
                rowByRow(rows, out, inner, weights, indices)
              }
            }
          }
        }
        for (index, isExtrapolated) in isExtrapolated.enumerated() where isExtrapolated {
          for block in 0..<outer {
            let start = (block * shape[axis] + index) * inner
            result[start..<start + inner].update(repeating: extrapolation)
          }
        }
      }
    }
  }

  /// Every element a sum of elements of one line.
  private func line<Element: BinaryFloatingPoint>(
    _ source: UnsafePointer<Element>, _ out: UnsafeMutablePointer<Element>,
    _ weights: UnsafeBufferPointer<Element>, _ indices: UnsafeBufferPointer<Int>
  ) {
    var tap = 0
    for index in 0..<weights.count / width {
      var sum: Element = 0
      for _ in 0..<width {
        if weights[tap] != 0 { sum += weights[tap] * source[indices[tap]] }
        tap += 1
      }
      out[index] = sum
    }
  }

  /// Every row of `inner` elements a sum of rows.
  private func rowByRow<Element: BinaryFloatingPoint>(
    _ source: UnsafePointer<Element>, _ out: UnsafeMutablePointer<Element>, _ inner: Int,
    _ weights: UnsafeBufferPointer<Element>, _ indices: UnsafeBufferPointer<Int>
  ) {
    for index in 0..<weights.count / width {
      let sum = out + index * inner
      sum.update(repeating: 0, count: inner)
      // A weight of 0 stands for an element that is left out: not even an infinity there counts.
      for tap in index * width..<(index + 1) * width where weights[tap] != 0 {
        let (weight, row) = (weights[tap], source + indices[tap] * inner)
        for i in 0..<inner { sum[i] += weight * row[i] }
      }
    }
  }
}
